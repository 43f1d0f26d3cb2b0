package invoke

import "time"

// shutdownGrace is how long an instance's processes may live on after SIGTERM. On
// Lambda it is 500 ms with internal extensions, and none at all without extensions;
// here all get it, since a function that has something to put in order should not
// need an extension for that.
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-shutdown
const shutdownGrace = 500 * time.Millisecond

// shutDown asks the instance's processes to end, and kills those that live on for too
// long. It does not wait.
func (i *instance) shutDown() {
	i.box.Terminate()
	kill := time.AfterFunc(shutdownGrace, i.box.Kill)
	go func() {
		<-i.box.Done()
		kill.Stop()
	}()
}
