package plugin

import (
	"os"
	"time"
)

// endWithEngine ends the plugin soon after the engine that has started it, whatever ended
// that. Pulumi's own check takes minutes, in which the plugin would go on beside that of
// the next `pulumi up`. What it has begun is left as if it had been killed itself, which the
// next operation sets right.
func endWithEngine(engine int) {
	for range time.Tick(time.Second) {
		if os.Getppid() != engine {
			os.Exit(1)
		}
	}
}
