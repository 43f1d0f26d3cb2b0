package plugin

import (
	"bytes"
	"context"
	"strings"
	"sync"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf"
)

// An attempt is one call of Pulumi's to create or update a resource.
//
// The bridge takes the errors of such a call for all there is to know, and drops the
// state that came with them. Tidegate's says what exists all the same: a stack whose
// second function could not be made, the version that a release which was rolled back has
// published. So the errors are held back here, the bridge goes on with the state as if
// nothing had happened, and the server reports both, as Pulumi's protocol lets it.
type attempt struct {
	// failures are the errors of an attempt that left something, in the provider's words.
	failures []string
}

type attemptKey struct{}

func withAttempt(ctx context.Context) (context.Context, *attempt) {
	a := &attempt{}
	return context.WithValue(ctx, attemptKey{}, a), a
}

// keeping is the shim of a provider whose attempts keep what they left.
type keeping struct {
	pf.ShimProvider
	schemas *sync.Map
}

func (k keeping) Server(ctx context.Context) (tfprotov6.ProviderServer, error) {
	server, err := k.ShimProvider.Server(ctx)
	return keepingServer{server}, err
}

type keepingServer struct{ tfprotov6.ProviderServer }

func (s keepingServer) ApplyResourceChange(ctx context.Context, req *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	resp, err := s.ProviderServer.ApplyResourceChange(ctx, req)
	if err == nil {
		readable(resp.Diagnostics)
	}
	a, ok := ctx.Value(attemptKey{}).(*attempt)
	if err != nil || !ok || !leftSomething(req, resp) {
		return resp, err
	}
	var others []*tfprotov6.Diagnostic
	for _, d := range resp.Diagnostics {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			a.failures = append(a.failures, failure(d))
		} else {
			others = append(others, d)
		}
	}
	resp.Diagnostics = others
	return resp, nil
}

func (s keepingServer) ReadResource(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	resp, err := s.ProviderServer.ReadResource(ctx, req)
	if err == nil {
		readable(resp.Diagnostics)
	}
	return resp, err
}

func (s keepingServer) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	resp, err := s.ProviderServer.PlanResourceChange(ctx, req)
	if err == nil {
		readable(resp.Diagnostics)
		for _, d := range resp.Diagnostics {
			if d.Severity == tfprotov6.DiagnosticSeverityError {
				d.Summary, d.Detail, d.Attribute = placed(d), "", nil
			}
		}
	}
	return resp, err
}

func (s keepingServer) ConfigureProvider(ctx context.Context, req *tfprotov6.ConfigureProviderRequest) (*tfprotov6.ConfigureProviderResponse, error) {
	resp, err := s.ProviderServer.ConfigureProvider(ctx, req)
	if err == nil {
		readable(resp.Diagnostics)
	}
	return resp, err
}

// readable puts the summary of warnings, and where they belong, where it is read first: the
// bridge would write them behind the detail.
func readable(diagnostics []*tfprotov6.Diagnostic) {
	for _, d := range diagnostics {
		if d.Severity == tfprotov6.DiagnosticSeverityWarning {
			d.Summary, d.Detail, d.Attribute = "", placed(d), nil
		}
	}
}

// unlisted is a message of the bridge's about a failed plan without the frame that it puts
// around diagnostics without a path or a detail, one or several.
func unlisted(message string) string {
	_, list, found := strings.Cut(message, " occurred:\n\t* : ")
	if !found {
		return message
	}
	list = strings.TrimSuffix(strings.TrimRight(list, "\n"), " - ")
	return strings.ReplaceAll(list, " - \n\t* : ", "\n")
}

// placed is a diagnostic as one paragraph that begins with where it belongs.
func placed(d *tfprotov6.Diagnostic) string {
	if d.Attribute == nil || len(d.Attribute.Steps()) == 0 {
		return failure(d)
	}
	return "[" + d.Attribute.String() + "] " + failure(d)
}

// leftSomething tells whether there is another state than before. After a release that was
// rolled back, that is only what the provider remembers for itself: the stack's revision.
func leftSomething(req *tfprotov6.ApplyResourceChangeRequest, resp *tfprotov6.ApplyResourceChangeResponse) bool {
	if resp.NewState == nil {
		return false
	}
	if null, err := resp.NewState.IsNull(); err != nil || null {
		return false
	}
	return req.PriorState == nil || !bytes.Equal(req.PriorState.MsgPack, resp.NewState.MsgPack) || !bytes.Equal(req.PlannedPrivate, resp.Private)
}

// failure is a diagnostic as one paragraph, as the bridge writes them.
func failure(d *tfprotov6.Diagnostic) string {
	if d.Detail == "" || d.Detail == d.Summary {
		return d.Summary
	}
	return d.Summary + ": " + d.Detail
}
