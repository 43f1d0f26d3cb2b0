package invoke

// A telemetryStream delivers an instance's telemetry to its extensions.
type telemetryStream struct{}

// extensionLine is told each line that an extension writes.
func (i *instance) extensionLine(string) func(string) { return func(string) {} }
