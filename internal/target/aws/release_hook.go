package aws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

const (
	// maxSaid is how many bytes of what a hook returned are in an error.
	maxSaid = 1024
	// hookAnswer is how long a hook's answer may take: longer than any function runs.
	hookAnswer = 16 * time.Minute
)

// runHook runs the current hook and returns how it failed.
func (d *driver) runHook(ctx context.Context) error {
	event, err := json.Marshal(d.r.HookEvent(d.i.name, func(function, qualifier string) string {
		return d.i.functionARN(stack.FullName(d.i.name, function), qualifier)
	}))
	if err != nil {
		return err
	}
	function := d.r.Hook()
	version := d.r.Versions[function]
	if version == 0 {
		return errors.New("there is no version of it to run")
	}
	return redacted(d.beating(ctx, func() error {
		return d.i.invoke(ctx, stack.FullName(d.i.name, function), version, event)
	}), d.i.secretsOf(function))
}

// secretsOf a function, of all its versions: what it returns may repeat one.
func (i *inventory) secretsOf(function string) map[string]string {
	all := map[string]string{}
	f, ok := i.functions[function]
	if !ok {
		return all
	}
	for number, v := range f.versions.have {
		for name, value := range secretVariables(v.variables()) {
			all[fmt.Sprintf("%s %d", name, number)] = value
		}
	}
	return all
}

// beating does something that takes long while the driver goes on to say that it lives.
func (d *driver) beating(ctx context.Context, do func() error) error {
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(beatEvery)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				d.beat(ctx)
			}
		}
	}()
	defer func() {
		close(done)
		<-stopped
	}()
	return do()
}

// invoke runs a version of a function and returns how it failed.
func (s *session) invoke(ctx context.Context, function string, version int, event []byte) error {
	var out *lambda.InvokeOutput
	// The version was published a moment ago, and may not be known everywhere; or it is an
	// old one, for which AWS has to make ready again what it has put away.
	err := s.pace.retry(ctx, unready, func(ctx context.Context) (err error) {
		out, err = s.lambda.Invoke(ctx, &lambda.InvokeInput{
			FunctionName: &function, Qualifier: aws.String(strconv.Itoa(version)), InvocationType: types.InvocationTypeRequestResponse, Payload: event,
		}, s.patientAnswer)
		return err
	})
	if err != nil {
		return fmt.Errorf("version %d could not be invoked: %w", version, explain(err))
	}
	if out.FunctionError == nil {
		return nil
	}
	said := oneLine(string(out.Payload), maxSaid)
	if said == "" {
		return errors.New("it failed and said nothing")
	}
	return fmt.Errorf("it failed and returned %s", said)
}

// unready tells whether Lambda answered that a version cannot run yet, which passes.
func unready(err error) bool {
	return early(err) || hasCode(err, "ResourceNotReadyException", "CodeArtifactUserPendingException", "SnapStartNotReadyException", "ENINotReadyException")
}

// A onceRetryer does not have a function invoked again that may be running: only if AWS has
// answered that it could not, or nobody was reached. It has a limiter of its own, since a
// function without room for another instance says nothing of Lambda's control plane.
type onceRetryer struct{ *retryer }

func (r onceRetryer) IsErrorRetryable(err error) bool {
	var network *net.OpError
	var said smithy.APIError
	reached := !errors.As(err, &network) || network.Op != "dial"
	answered := errors.As(err, &said) && said.ErrorCode() != unknownCode
	return (answered || !reached) && r.retryer.IsErrorRetryable(err)
}

// patientAnswer lets an answer take as long as a function may run, and no function be run
// twice.
func (s *session) patientAnswer(o *lambda.Options) {
	o.Retryer = onceRetryer{newRetryerAt(s.pace, 0)}
	if client, ok := o.HTTPClient.(caller); ok {
		o.HTTPClient = client.with(func(t *http.Transport) { t.ResponseHeaderTimeout = hookAnswer })
	}
}
