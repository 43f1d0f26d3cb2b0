// Package plugin is the provider as Pulumi's engine runs it: the bridge's server, and
// around it what the bridge does not do. It keeps what a failed operation left, hands
// customTimeouts on, and says in Pulumi's words what the provider says in Terraform's.
package plugin

import (
	"context"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf"
	pfbridge "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	rprovider "github.com/pulumi/pulumi/sdk/v3/go/pulumi/provider"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/tidegate-io/terraform-provider-tidegate/provider"
	"github.com/tidegate-io/terraform-provider-tidegate/sdk/bridge"
)

// Serve answers the engine until it ends the plugin. The schema is the package's, as
// generated.
func Serve(ctx context.Context, info tfbridge.ProviderInfo, schema []byte) error {
	go endWithEngine(os.Getppid())
	return rprovider.MainContext(ctx, bridge.Name, func(host *rprovider.HostClient) (pulumirpc.ResourceProviderServer, error) {
		words := bridge.NewWords(info)
		types, err := newTypes(schema)
		if err != nil {
			return nil, err
		}
		info.P = keeping{info.P.(pf.ShimProvider), &sync.Map{}}
		s, err := pfbridge.NewProviderServer(ctx, &sink{host, words}, info, pfbridge.ProviderMetadata{PackageSchema: schema})
		return &server{s, info, types, words, bridge.Optional(info)}, err
	})
}

// sink is where warnings go to, in Pulumi's words.
type sink struct {
	host  *rprovider.HostClient
	words *bridge.Words
}

func (s *sink) Log(ctx context.Context, severity diag.Severity, urn resource.URN, message string) error {
	// Without a host the engine attaches itself later, to a debugger. The bridge logs errors
	// besides returning them, and the engine shows what is returned.
	if s.host == nil || severity == diag.Error {
		return nil
	}
	return s.host.Log(ctx, severity, urn, s.words.Sentence(strings.TrimPrefix(message, "[WARNING] ")))
}

func (s *sink) LogStatus(ctx context.Context, severity diag.Severity, urn resource.URN, message string) error {
	if s.host == nil {
		return nil
	}
	return s.host.LogStatus(ctx, severity, urn, s.words.Sentence(message))
}

type server struct {
	pulumirpc.ResourceProviderServer
	info  tfbridge.ProviderInfo
	types *types
	words *bridge.Words
	// optional are the parameters of functions that the bridge takes as a list.
	optional map[string]string
}

// translated is an error in Pulumi's words.
func (s *server) translated(err error) error {
	if err == nil {
		return nil
	}
	st := status.Convert(err)
	p := st.Proto()
	p.Message = s.words.Sentence(unlisted(p.Message))
	return status.FromProto(p).Err()
}

// failures are put into Pulumi's words.
func (s *server) failures(failures []*pulumirpc.CheckFailure) {
	for _, f := range failures {
		// The bridge goes on behind a sentence that has its full stop.
		f.Reason = strings.ReplaceAll(s.words.Sentence(f.Reason), ".. Examine", ". Examine")
	}
}

func (s *server) CheckConfig(ctx context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	nameSettings(s.info, req.GetNews())
	if failures := badSettings(s.info, req.GetNews()); len(failures) > 0 {
		return &pulumirpc.CheckResponse{Inputs: req.GetNews(), Failures: failures}, nil
	}
	resp, err := s.ResourceProviderServer.CheckConfig(ctx, req)
	s.failures(resp.GetFailures())
	return resp, s.translated(err)
}

func (s *server) Configure(ctx context.Context, req *pulumirpc.ConfigureRequest) (*pulumirpc.ConfigureResponse, error) {
	resp, err := s.ResourceProviderServer.Configure(ctx, req)
	return resp, s.translated(err)
}

func (s *server) Invoke(ctx context.Context, req *pulumirpc.InvokeRequest) (*pulumirpc.InvokeResponse, error) {
	if failures, err := s.types.function(req.GetTok(), req.GetArgs()); err != nil || len(failures) > 0 {
		return &pulumirpc.InvokeResponse{Failures: failures}, err
	}
	if name, ok := s.optional[req.GetTok()]; ok {
		listed(req.GetArgs().GetFields(), name)
	}
	resp, err := s.ResourceProviderServer.Invoke(ctx, req)
	s.failures(resp.GetFailures())
	return resp, s.translated(err)
}

// listed makes one argument a list of one, if it is there.
func listed(arguments map[string]*structpb.Value, name string) {
	value, ok := arguments[name]
	switch value.GetKind().(type) {
	case *structpb.Value_ListValue:
	case *structpb.Value_NullValue:
		delete(arguments, name)
	default:
		if ok {
			arguments[name] = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{value}})
		}
	}
}

func (s *server) Check(ctx context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	if failures, err := s.types.resource(resource.URN(req.GetUrn()), req.GetNews()); err != nil || len(failures) > 0 {
		return &pulumirpc.CheckResponse{Inputs: req.GetNews(), Failures: failures}, err
	}
	resp, err := s.ResourceProviderServer.Check(ctx, req)
	s.failures(resp.GetFailures())
	return resp, s.translated(err)
}

func (s *server) Diff(ctx context.Context, req *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	resp, err := s.ResourceProviderServer.Diff(ctx, req)
	return resp, s.translated(err)
}

func (s *server) Read(ctx context.Context, req *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	resp, err := s.ResourceProviderServer.Read(ctx, req)
	withoutNulls(resp.GetProperties())
	return resp, s.translated(err)
}

func (s *server) Create(ctx context.Context, req *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	ctx, attempt := withAttempt(withTimeout(ctx, req.GetTimeout()))
	resp, err := s.ResourceProviderServer.Create(ctx, req)
	withoutNulls(resp.GetProperties())
	if err == nil && len(attempt.failures) > 0 {
		return nil, s.incomplete(attempt, resp.GetId(), resp.GetProperties())
	}
	return resp, s.translated(err)
}

func (s *server) Update(ctx context.Context, req *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
	ctx, attempt := withAttempt(withTimeout(ctx, req.GetTimeout()))
	resp, err := s.ResourceProviderServer.Update(ctx, req)
	withoutNulls(resp.GetProperties())
	if err == nil && len(attempt.failures) > 0 {
		return nil, s.incomplete(attempt, req.GetId(), resp.GetProperties())
	}
	return resp, s.translated(err)
}

func (s *server) Delete(ctx context.Context, req *pulumirpc.DeleteRequest) (*emptypb.Empty, error) {
	resp, err := s.ResourceProviderServer.Delete(withTimeout(ctx, req.GetTimeout()), req)
	return resp, s.translated(err)
}

// withTimeout makes the seconds of customTimeouts the provider's; 0 stands for none.
func withTimeout(ctx context.Context, seconds float64) context.Context {
	if seconds <= 0 {
		return ctx
	}
	return provider.WithTimeout(ctx, time.Duration(seconds*float64(time.Second)))
}

// incomplete is the error of an attempt that left something: the engine puts the
// properties into its state, and the next `pulumi up` goes on from there.
func (s *server) incomplete(a *attempt, id string, properties *structpb.Struct) error {
	reasons := make([]string, len(a.failures))
	for i, f := range a.failures {
		reasons[i] = s.words.Sentence(f)
	}
	detail := &pulumirpc.ErrorResourceInitFailed{Id: id, Properties: properties, Reasons: reasons}
	st, err := status.New(codes.Unknown, reasons[0]).WithDetails(detail)
	if err != nil {
		return err
	}
	return st.Err()
}
