package invoke

import "time"

// shutdownGrace is how long an instance's processes may live on after SIGTERM. On
// Lambda it is 500 ms with internal extensions, and none at all without extensions;
// here all get it, since a function that has something to put in order should not
// need an extension for that.
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-shutdown
const shutdownGrace = 500 * time.Millisecond

// shutDown asks the instance's processes to end, its extensions first, and kills those
// that live on for too long. It does not wait.
func (i *instance) shutDown() {
	if !i.extensions.any.Load() {
		i.terminate()
		return
	}
	go func() {
		i.extensions.shutDown(reasonSpindown)
		i.terminate()
	}()
}

func (i *instance) terminate() {
	i.box.Terminate()
	kill := time.AfterFunc(shutdownGrace, i.box.Kill)
	go func() {
		<-i.box.Done()
		kill.Stop()
	}()
}

// reset kills the instance because its function took too long. Extensions are told,
// and get their time. It does not wait.
func (i *instance) reset() {
	if !i.extensions.any.Load() {
		i.box.Kill()
		return
	}
	go func() {
		i.extensions.shutDown(reasonTimeout)
		i.box.Kill()
	}()
}
