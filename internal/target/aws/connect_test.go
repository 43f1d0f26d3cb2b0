package aws

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// A fakeSTS says who somebody is, and has roles assumed.
type fakeSTS struct {
	*httptest.Server
	// arn of the one who asks.
	arn string

	mu    sync.Mutex
	calls []stsCall
}

type stsCall struct {
	form url.Values
	// key is the access key that signed the call, "" if none did.
	key, userAgent, region string
}

func (c stsCall) action() string { return c.form.Get("Action") }

var credentialOf = regexp.MustCompile(`Credential=([^/]*)/\d+/([^/]*)/`)

func (s *fakeSTS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm() // What is missing fails the test.
	call := stsCall{form: r.PostForm, userAgent: r.UserAgent()}
	if m := credentialOf.FindStringSubmatch(r.Header.Get("Authorization")); m != nil {
		call.key, call.region = m[1], m[2]
	}
	s.mu.Lock()
	s.calls = append(s.calls, call)
	s.mu.Unlock()
	action := call.action()
	fmt.Fprintf(w, `<%[1]sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%[1]sResult>`, action)
	switch action {
	case "GetCallerIdentity":
		fmt.Fprintf(w, `<Arn>%s</Arn><UserId>AIDA</UserId><Account>111111111111</Account>`, s.arn)
	default:
		role := r.PostForm.Get("RoleArn")
		fmt.Fprintf(w, `<AssumedRoleUser><Arn>%s</Arn><AssumedRoleId>AROA:x</AssumedRoleId></AssumedRoleUser><Credentials><AccessKeyId>KEY-OF-%s</AccessKeyId>`+
			`<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials>`, role, role[strings.LastIndex(role, "/")+1:])
	}
	fmt.Fprintf(w, `</%[1]sResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></%[1]sResponse>`, action)
}

// newSTS also keeps the environment and the files of whoever runs the tests out.
func newSTS(t *testing.T) *fakeSTS {
	t.Helper()
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "AWS_") || strings.HasSuffix(strings.ToLower(name), "_proxy") {
			t.Setenv(name, "")
			_ = os.Unsetenv(name) // t.Setenv puts it back.
		}
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	s := &fakeSTS{arn: "arn:aws:iam::111111111111:user/jo"}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// static are options with credentials of their own.
func (s *fakeSTS) static() Options {
	return Options{Region: "eu-central-1", AccessKey: "AKID", SecretKey: "SECRET", Endpoints: map[string]string{"sts": s.URL}}
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCredentialsComeFromWhereTheyAreSaidToBe(t *testing.T) {
	for name, c := range map[string]struct {
		set func(t *testing.T, o *Options)
		// key signs, and calls are made.
		key   string
		calls []string
	}{
		"the provider": {func(*testing.T, *Options) {}, "AKID", []string{"GetCallerIdentity"}},
		"the environment": {func(t *testing.T, o *Options) {
			o.AccessKey, o.SecretKey = "", ""
			t.Setenv("AWS_ACCESS_KEY_ID", "FROM-ENV")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "s")
		}, "FROM-ENV", []string{"GetCallerIdentity"}},
		"a profile of a file": {func(t *testing.T, o *Options) {
			o.AccessKey, o.SecretKey, o.Profile = "", "", "work"
			o.SharedCredentialsFiles = []string{write(t, "[work]\naws_access_key_id = FROM-FILE\naws_secret_access_key = s\n")}
		}, "FROM-FILE", []string{"GetCallerIdentity"}},
		"a role": {func(_ *testing.T, o *Options) {
			o.AssumeRoles = []AssumeRole{{RoleARN: "arn:aws:iam::111111111111:role/one"}}
		}, "KEY-OF-one", []string{"AssumeRole", "GetCallerIdentity"}},
		"a role from the environment's credentials": {func(t *testing.T, o *Options) {
			o.AccessKey, o.SecretKey = "", ""
			t.Setenv("AWS_ACCESS_KEY_ID", "FROM-ENV")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "s")
			o.AssumeRoles = []AssumeRole{{RoleARN: "arn:aws:iam::111111111111:role/one"}}
		}, "KEY-OF-one", []string{"AssumeRole", "GetCallerIdentity"}},
		"a web identity": {func(t *testing.T, o *Options) {
			o.AccessKey, o.SecretKey = "", ""
			o.WebIdentity = &WebIdentity{RoleARN: "arn:aws:iam::111111111111:role/web", SessionName: "ci", TokenFile: write(t, "token")}
		}, "KEY-OF-web", []string{"AssumeRoleWithWebIdentity", "GetCallerIdentity"}},
	} {
		t.Run(name, func(t *testing.T) {
			sts := newSTS(t)
			o := sts.static()
			c.set(t, &o)
			s, err := connect(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if s.account != "111111111111" || s.partition != "aws" || s.region != "eu-central-1" {
				t.Errorf("connected to %+v", s.place)
			}
			var actions []string
			for _, call := range sts.calls {
				actions = append(actions, call.action())
			}
			if last := sts.calls[len(sts.calls)-1]; last.key != c.key {
				t.Errorf("the calls are signed by %q", last.key)
			}
			// Repeated calls cost time in every plan.
			if c.calls != nil && !slices.Equal(slices.Compact(actions), c.calls) {
				t.Errorf("called %v", actions)
			}
		})
	}
}

func TestRolesAreAssumedOneAfterTheOther(t *testing.T) {
	sts := newSTS(t)
	o := sts.static()
	o.AssumeRoles = []AssumeRole{
		{RoleARN: "arn:aws:iam::111111111111:role/one", SessionName: "s1", ExternalID: "x"},
		{RoleARN: "arn:aws:iam::222222222222:role/two", Tags: map[string]string{"k": "v"}, TransitiveTagKeys: []string{"k"}, PolicyARNs: []string{"arn:aws:iam::aws:policy/P"}, Policy: "{}", SourceIdentity: "jo"},
	}
	if _, err := connect(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	byRole := map[string]stsCall{}
	for _, call := range sts.calls {
		byRole[call.form.Get("RoleArn")] = call
	}
	one, two := byRole[o.AssumeRoles[0].RoleARN], byRole[o.AssumeRoles[1].RoleARN]
	if one.key != "AKID" || two.key != "KEY-OF-one" || byRole[""].key != "KEY-OF-two" {
		t.Errorf("the roles are assumed by %q and %q, and then %q asks who it is", one.key, two.key, byRole[""].key)
	}
	for key, want := range map[string]string{
		"Tags.member.1.Key": "k", "Tags.member.1.Value": "v", "TransitiveTagKeys.member.1": "k", "PolicyArns.member.1.arn": "arn:aws:iam::aws:policy/P",
		"Policy": "{}", "SourceIdentity": "jo", "DurationSeconds": "900",
	} {
		if got := two.form.Get(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if one.form.Get("ExternalId") != "x" || one.form.Get("RoleSessionName") != "s1" {
		t.Errorf("the first role is assumed with %v", one.form)
	}
}

func TestTheAccountMustBeAnAllowedOne(t *testing.T) {
	sts := newSTS(t)
	o := sts.static()
	o.AllowedAccountIDs = []string{"222222222222"}
	_, err := connect(t.Context(), o)
	if want := "the credentials belong to the AWS account 111111111111, and the provider is allowed only 222222222222"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("connect says %v", err)
	}
	o.AllowedAccountIDs = append(o.AllowedAccountIDs, "111111111111")
	if _, err := connect(t.Context(), o); err != nil {
		t.Errorf("connect says %v", err)
	}
}

func TestWhatHindersConnectingIsOneSentence(t *testing.T) {
	refused := httptest.NewServer(nil)
	refused.Close()
	for name, c := range map[string]struct {
		set func(t *testing.T, o *Options)
		// answer of STS; nil for the usual one.
		answer http.HandlerFunc
		want   string
	}{
		"no region": {set: func(_ *testing.T, o *Options) { o.Region = "" }, want: "no AWS region is given; set region in the provider's aws block"},
		"no region flag": {
			set:  func(_ *testing.T, o *Options) { o.Region, o.CommandLine = "", true },
			want: "no AWS region is given; give --region, $AWS_REGION, or region in the profile",
		},
		"no credentials by flags": {
			set:  func(_ *testing.T, o *Options) { o.AccessKey, o.SecretKey, o.CommandLine = "", "", true },
			want: "there are no credentials for AWS; give some by a profile (--profile), or $AWS_ACCESS_KEY_ID and $AWS_SECRET_ACCESS_KEY (no file",
		},
		"a malformed region":  {set: func(_ *testing.T, o *Options) { o.Region, o.Endpoints = "Frankfurt", nil }, want: `"Frankfurt" is no AWS region; one looks like eu-central-1`},
		"no credentials":      {set: func(_ *testing.T, o *Options) { o.AccessKey, o.SecretKey = "", "" }, want: "there are no credentials for AWS; give some by a profile"},
		"no such profile":     {set: func(_ *testing.T, o *Options) { o.AccessKey, o.SecretKey, o.Profile = "", "", "nowhere" }, want: `there is no profile "nowhere" in the AWS configuration files`},
		"no token":            {set: noToken, want: "cannot assume the role arn:aws:iam::111111111111:role/web with the web identity token:"},
		"a malformed URL":     {set: func(_ *testing.T, o *Options) { o.Endpoint = "localhost:4566" }, want: "the endpoint is no URL of the shape http://host:port or https://host"},
		"a malformed proxy":   {set: func(_ *testing.T, o *Options) { o.HTTPProxy = "user:secret@proxy" }, want: "the proxy for HTTP is no URL"},
		"FIPS and endpoints":  {set: func(_ *testing.T, o *Options) { o.FIPS = true }, want: "endpoints of one's own and AWS's FIPS endpoints exclude each other"},
		"no CA bundle":        {set: func(_ *testing.T, o *Options) { o.CABundle = "/nowhere/ca.pem" }, want: "cannot find credentials for AWS: "},
		"nobody there":        {set: func(_ *testing.T, o *Options) { o.Endpoints["sts"] = refused.URL }, want: "cannot learn from AWS in eu-central-1 whose the credentials are: STS at " + refused.URL + " cannot be reached (connection refused)"},
		"a single sign-on":    {set: singleSignOn, want: "the single sign-on session for AWS has ended or was never begun; run: aws sso login"},
		"expired credentials": {answer: stsError("ExpiredToken", "The security token included in the request is expired"), want: "cannot learn from AWS in eu-central-1 whose the credentials are: the credentials for AWS have expired; renew them"},
		"unknown credentials": {answer: stsError("InvalidClientTokenId", "The security token included in the request is invalid."), want: "cannot learn from AWS in eu-central-1 whose the credentials are: AWS does not know the credentials"},
		"a wrong secret key":  {answer: stsError("SignatureDoesNotMatch", "The request signature we calculated does not match: x-amz-security-token:TOKEN"), want: "cannot learn from AWS in eu-central-1 whose the credentials are: AWS refuses the signature; the secret key does not belong to the access key"},
		"a disabled region":   {answer: stsError("RegionDisabledException", "STS is not activated in this region"), want: "cannot learn from AWS in eu-central-1 whose the credentials are: the account may not use STS in this region"},
		"a denied role": {
			set:    func(_ *testing.T, o *Options) { o.AssumeRoles = []AssumeRole{{RoleARN: "arn:aws:iam::2:role/r"}} },
			answer: stsError("AccessDenied", "User: arn:aws:iam::1:user/jo is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::2:role/r"),
			want:   "cannot assume the role arn:aws:iam::2:role/r: arn:aws:iam::1:user/jo lacks the permission sts:AssumeRole on arn:aws:iam::2:role/r; give it, and have the role's trust policy let them in",
		},
		"an HTML page":  {answer: func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html><body>Log in</body></html>") }, want: "cannot learn from AWS in eu-central-1 whose the credentials are: what answers at http://127.0.0.1:"},
		"another JSON":  {answer: func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"ok":true}`) }, want: "cannot learn whose the credentials are: what answers at http://127.0.0.1:"},
		"no content":    {answer: func(http.ResponseWriter, *http.Request) {}, want: "cannot learn whose the credentials are: what answers at http://127.0.0.1:"},
		"a page of 404": {answer: http.NotFound, want: "cannot learn from AWS in eu-central-1 whose the credentials are: what answers at http://127.0.0.1:"},
	} {
		t.Run(name, func(t *testing.T) {
			sts := newSTS(t)
			o := sts.static()
			if c.answer != nil {
				server := httptest.NewServer(c.answer)
				t.Cleanup(server.Close)
				o.Endpoints["sts"] = server.URL
			}
			if c.set != nil {
				c.set(t, &o)
			}
			_, err := connect(t.Context(), o)
			if err == nil {
				t.Fatal("it connects")
			}
			text := err.Error()
			if !strings.HasPrefix(text, c.want) {
				t.Errorf("connect says %q, want %q", text, c.want)
			}
			for _, noise := range []string{"\n", "https response error", "operation error", "TOKEN", "secret@", "StatusCode"} {
				if strings.Contains(text, noise) {
					t.Errorf("connect says %q, with %q in it", text, noise)
				}
			}
		})
	}
}

func noToken(_ *testing.T, o *Options) {
	o.AccessKey, o.SecretKey = "", ""
	o.WebIdentity = &WebIdentity{RoleARN: "arn:aws:iam::111111111111:role/web", TokenFile: "/nowhere/token"}
}

func singleSignOn(t *testing.T, o *Options) {
	o.AccessKey, o.SecretKey, o.Profile = "", "", "sso"
	o.SharedConfigFiles = []string{write(t, "[profile sso]\nsso_start_url = https://example.awsapps.com/start\nsso_region = eu-central-1\nsso_account_id = 111111111111\nsso_role_name = r\n")}
}

func stsError(code, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>r1</RequestId></ErrorResponse>`, code, message)
	}
}

func TestEveryServiceIsReachedWhereItIs(t *testing.T) {
	for name, c := range map[string]struct {
		set             func(t *testing.T, o *Options)
		region          string
		queues, gateway string
		pathStyle       bool
	}{
		"AWS":                   {queues: "https://sqs.eu-central-1.amazonaws.com", gateway: "https://apigatewayv2.eu-central-1.amazonaws.com"},
		"China":                 {region: "cn-north-1", queues: "https://sqs.cn-north-1.amazonaws.com.cn", gateway: "https://apigatewayv2.cn-north-1.amazonaws.com.cn"},
		"the European cloud":    {region: "eusc-de-east-1", queues: "https://sqs.eusc-de-east-1.amazonaws.eu", gateway: "https://apigatewayv2.eusc-de-east-1.amazonaws.eu"},
		"an isolated partition": {region: "us-iso-east-1", queues: "https://sqs.us-iso-east-1.c2s.ic.gov", gateway: "https://apigatewayv2.us-iso-east-1.c2s.ic.gov"},
		"one endpoint": {
			set:    func(_ *testing.T, o *Options) { o.Endpoint = "http://127.0.0.1:4566/" },
			queues: "http://127.0.0.1:4566", gateway: "http://127.0.0.1:4566", pathStyle: true,
		},
		"an endpoint of a service": {
			set:    func(_ *testing.T, o *Options) { o.Endpoints["sqs"] = "http://127.0.0.1:1" },
			queues: "http://127.0.0.1:1", gateway: "https://apigatewayv2.eu-central-1.amazonaws.com",
		},
		"one by the environment": {
			set:    func(t *testing.T, _ *Options) { t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:2") },
			queues: "http://127.0.0.1:2", gateway: "http://127.0.0.1:2", pathStyle: true,
		},
		"a service's by the environment": {
			set:    func(t *testing.T, _ *Options) { t.Setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:3") },
			queues: "http://127.0.0.1:3", gateway: "https://apigatewayv2.eu-central-1.amazonaws.com",
		},
		"the provider before the environment": {
			set: func(t *testing.T, o *Options) {
				t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:2")
				o.Endpoints["sqs"] = "http://127.0.0.1:4"
			},
			queues: "http://127.0.0.1:4", gateway: "http://127.0.0.1:2", pathStyle: true,
		},
		"FIPS and dual stack": {
			set: func(t *testing.T, _ *Options) {
				t.Setenv("AWS_USE_FIPS_ENDPOINT", "true")
				t.Setenv("AWS_USE_DUALSTACK_ENDPOINT", "true")
			},
			queues: "https://sqs-fips.eu-central-1.api.aws", gateway: "https://apigatewayv2.eu-central-1.amazonaws.com",
		},
		"dual stack": {
			set:    func(_ *testing.T, o *Options) { o.DualStack = true },
			queues: "https://sqs.eu-central-1.api.aws", gateway: "https://apigatewayv2.eu-central-1.amazonaws.com",
		},
	} {
		t.Run(name, func(t *testing.T) {
			sts := newSTS(t)
			o := sts.static()
			if c.region != "" {
				o.Region = c.region
			}
			if c.set != nil {
				c.set(t, &o)
			}
			s, _, err := newSession(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.url("sqs"); got != c.queues {
				t.Errorf("queues are at %s, want %s", got, c.queues)
			}
			if got := s.url("apigatewayv2"); got != c.gateway {
				t.Errorf("API Gateway is at %s, want %s", got, c.gateway)
			}
			if got := s.s3.(*s3.Client).Options().UsePathStyle; got != c.pathStyle {
				t.Errorf("buckets in the path: %v", got)
			}
		})
	}
}

func TestTheProviderIsNamedInFrontOfTheSDK(t *testing.T) {
	sts := newSTS(t)
	o := sts.static()
	o.UserAgent = "terraform-provider-tidegate/1.2.3 Terraform/1.14.0"
	o.STSRegion = "us-west-2"
	if _, err := connect(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if got := sts.calls[0].userAgent; !strings.Contains(got, "terraform-provider-tidegate/1.2.3 Terraform/1.14.0 aws-sdk-go-v2/") {
		t.Errorf("the user agent is %q", got)
	}
	if got := sts.calls[0].region; got != "us-west-2" {
		t.Errorf("STS is asked in %q", got)
	}
}

func TestHostsAreTrustedByTheirCertificates(t *testing.T) {
	sts := newSTS(t)
	secure := httptest.NewUnstartedServer(sts)
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	o := sts.static()
	o.Endpoints["sts"] = secure.URL
	if _, err := connect(t.Context(), o); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without the bundle, connect says %v", err)
	}
	bundle := write(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})))
	o.CABundle = bundle
	if _, err := connect(t.Context(), o); err != nil {
		t.Errorf("with the bundle, connect says %v", err)
	}
	o.CABundle = ""
	t.Setenv("AWS_CA_BUNDLE", bundle)
	if _, err := connect(t.Context(), o); err != nil {
		t.Errorf("with the bundle of the environment, connect says %v", err)
	}
}

func TestHostsAreReachedThroughTheProxy(t *testing.T) {
	sts := newSTS(t)
	o := sts.static()
	// No such host exists; the proxy answers for it.
	o.Endpoints["sts"], o.HTTPProxy = "http://sts.tidegate.invalid", sts.URL
	if _, err := connect(t.Context(), o); err != nil {
		t.Errorf("connect says %v", err)
	}
	o.NoProxy = "sts.tidegate.invalid"
	_, err := connect(t.Context(), o)
	if err == nil || errors.As(err, new(*net.OpError)) != strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("past the proxy, connect says %v", err)
	}
}

func TestWhoeverConnectsFirstConnectsForAll(t *testing.T) {
	sts := newSTS(t)
	asked, answer := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-answer
		sts.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	o := sts.static()
	o.Endpoints["sts"] = server.URL
	target, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := target.session(ctx)
		failed <- err
	}()
	<-asked
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("the first call says %v", err)
	}
	close(answer)
	// The handler would close asked twice if this were another attempt.
	if s, err := target.session(t.Context()); err != nil || s.account != "111111111111" {
		t.Errorf("the second call says %v", err)
	}
}
