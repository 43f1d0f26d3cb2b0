package language

import (
	"strings"
	"testing"
)

func TestAWrapperStartsTheRuntime(t *testing.T) {
	const wrap = "#!/bin/sh\nWRAPPED=$# exec \"$@\"\n"
	each(t, "python", func(t *testing.T, runtime string) {
		files := map[string]string{
			"app.py": "import os\ndef handler(event, context): return os.environ['WRAPPED']\n",
			"wrap":   wrap,
		}
		for path, option := range map[string]option{
			"/var/task/wrap": with("OTHER", "variable"),
			"/opt/wrap":      layer(t, map[string]string{"wrap": wrap}),
		} {
			t.Run(path, func(t *testing.T) {
				start(t, runtime, "app.handler", files, option, with(envWrapper, path)).responds(`{}`, `"5"`)
			})
		}
	})
	each(t, "nodejs", func(t *testing.T, runtime string) {
		files := map[string]string{"app.js": "exports.handler = async () => process.env.WRAPPED", "wrap": wrap}
		start(t, runtime, "app.handler", files, with(envWrapper, "/var/task/wrap")).responds(`{}`, `"3"`)
	})
}

func TestAWrapperThatIsNotThereStartsNothing(t *testing.T) {
	each(t, "java", func(t *testing.T, runtime string) {
		f := start(t, runtime, "a.B", map[string]string{"a": ""}, with(envWrapper, "/opt/wrap"))
		<-f.instance.Done()
		if exit := f.instance.Exit(); !strings.Contains(exit.StartError, "wrap is missing") {
			t.Errorf("it ended so: %+v", exit)
		}
	})
}
