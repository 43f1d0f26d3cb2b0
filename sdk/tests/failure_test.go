package tests

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/optrefresh"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/tidegate-io/terraform-provider-tidegate/sdk/go/tidegate"
)

// Import of what is not there, or is another kind of stack, is an error, and nothing of it
// gets into the state.
func TestImportOfWhatIsNotThereFails(t *testing.T) {
	l := newLab(t)
	imported := func(id string) error {
		s := l.stack(func(ctx *pulumi.Context) error {
			_, err := tidegate.NewQueue(ctx, "ghost", &tidegate.QueueArgs{
				Name:      pulumi.String(id),
				Functions: tidegate.FunctionMap{"greet": l.greet()},
			}, pulumi.Import(pulumi.ID(id)))
			return err
		})
		_, err := s.Up(l.context())
		return err
	}
	says(t, imported("ghost"), `Cannot import stack "ghost": There is no stack of that name on the target.`)
	if state, err := l.stack(func(*pulumi.Context) error { return nil }).Export(l.context()); err != nil || strings.Contains(string(state.Deployment), "tidegate:index/queue:Queue") {
		t.Errorf("the state has the stack that is not there: %v %s", err, state.Deployment)
	}
}

// What a provider's sentences name are the properties and types of the program's language.
func TestBadInputIsNamedAsInPulumi(t *testing.T) {
	l := newLab(t)
	preview := func(args *tidegate.QueueArgs) error {
		s := l.stack(func(ctx *pulumi.Context) error {
			_, err := tidegate.NewQueue(ctx, "orders", args)
			return err
		})
		_, err := s.Preview(l.context())
		return err
	}
	functions := tidegate.FunctionMap{"greet": l.greet()}
	for _, bad := range []struct {
		args *tidegate.QueueArgs
		says string
	}{
		{&tidegate.QueueArgs{
			Name: pulumi.String("orders"), Functions: functions,
			Consumer: &tidegate.QueueConsumerArgs{Function: pulumi.String("greet"), BatchSize: pulumi.Int(100)},
		}, "consumer.batchWindow"},
		{&tidegate.QueueArgs{
			Name: pulumi.String("orders"), Functions: functions, VisibilityTimeout: pulumi.String("13h"),
		}, "visibilityTimeout"},
		{&tidegate.QueueArgs{
			Name: pulumi.String("orders"), Functions: functions,
			Consumer: &tidegate.QueueConsumerArgs{Function: pulumi.String("nosuch")},
		}, `there is no function "nosuch" in this stack; there is "greet"`},
		{&tidegate.QueueArgs{Name: pulumi.String("Orders!"), Functions: functions}, "orders.name"},
	} {
		err := preview(bad.args)
		says(t, err, bad.says)
		if err != nil && (strings.Contains(err.Error(), "batch_window") || strings.Contains(err.Error(), "visibility_timeout")) {
			t.Errorf("an error has Terraform's names: %v", err)
		}
	}
}

// What a failed create has left is in the state, so that the next `pulumi up` goes on from
// there and `pulumi destroy` takes it away.
func TestWhatAFailedUpdateLeftIsKept(t *testing.T) {
	l := newLab(t)
	code := t.TempDir()
	write := func(text string) { check(t, os.WriteFile(filepath.Join(code, "app.py"), []byte(text), 0o600)) }
	// The function that a release runs first fails, so that it is rolled back, after its
	// versions were published.
	s := l.stack(func(ctx *pulumi.Context) error {
		_, err := tidegate.NewStack(ctx, "shop", &tidegate.StackArgs{
			Name: pulumi.String("shop"),
			Functions: tidegate.FunctionMap{"greet": &tidegate.FunctionArgs{
				Source: pulumi.String(code), Runtime: pulumi.String(l.python), Handler: pulumi.String("app.handler"),
			}},
			Release: &tidegate.ReleaseArgs{Before: pulumi.String("greet")},
		})
		return err
	})
	write("def handler(event, context):\n    return 1\n")
	_, err := s.Up(l.context())
	check(t, err)
	write("def handler(event, context):\n    raise Exception('not ready')\n")
	_, err = s.Up(l.context())
	if err == nil {
		t.Fatal("the release of a function that fails has succeeded")
	}
	says(t, err, "rolled back")
	state, err := s.Export(l.context())
	check(t, err)
	if !strings.Contains(string(state.Deployment), "initErrors") {
		t.Error("the state does not tell of the failure")
	}
	write("def handler(event, context):\n    return 3\n")
	done, err := s.Up(l.context())
	check(t, err)
	changes(*done.Summary.ResourceChanges).only(t, update)
	_, err = s.Refresh(l.context(), optrefresh.ExpectNoChanges())
	check(t, err)
}

// The resource option customTimeouts bounds what the provider does.
func TestCustomTimeoutsHold(t *testing.T) {
	l := newLab(t)
	s := l.stack(func(ctx *pulumi.Context) error {
		_, err := tidegate.NewQueue(ctx, "orders", &tidegate.QueueArgs{
			Name: pulumi.String("orders"), Functions: tidegate.FunctionMap{"greet": l.greet()},
		}, pulumi.Timeouts(&pulumi.CustomTimeouts{Create: "1ms"}))
		return err
	})
	_, err := s.Up(l.context())
	says(t, err, "the create timeout of 1ms has passed")
}

// says fails the test unless err has the words.
func says(t *testing.T, err error, words string) {
	t.Helper()
	if err == nil {
		t.Error(errors.New("there is no error; it should say: " + words))
	} else if !strings.Contains(strings.Join(strings.Fields(err.Error()), " "), words) {
		t.Errorf("the error does not say %q:\n%v", words, err)
	}
}

// greet is a function that works.
func (l *lab) greet() *tidegate.FunctionArgs {
	return &tidegate.FunctionArgs{
		Source: pulumi.String(l.source("greet")), Runtime: pulumi.String(l.python), Handler: pulumi.String("app.handler"),
		Environment: pulumi.StringMap{"GREETING": pulumi.String("hello")},
	}
}
