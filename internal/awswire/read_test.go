package awswire

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// models returns the models that the emulators' environment has.
var models = sync.OnceValues(func() (*Models, error) {
	environment, err := harness.EmulatorEnvironment(context.Background())
	if err != nil {
		return nil, err
	}
	return OpenModels(environment)
})

func theModels(t testing.TB) *Models {
	t.Helper()
	m, err := models()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A call is a request that a test writes by hand.
type call struct {
	service string // signing name
	method  string // default POST
	uri     string // default "/"
	header  map[string]string
	body    string
}

func (c call) request(t testing.TB) *Request {
	t.Helper()
	if c.method == "" {
		c.method = http.MethodPost
	}
	if c.uri == "" {
		c.uri = "/"
	}
	u, err := url.ParseRequestURI(c.uri)
	if err != nil {
		t.Fatal(err)
	}
	r := &Request{Method: c.method, URL: u, Header: http.Header{}, Body: []byte(c.body)}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/"+c.service+"/aws4_request, SignedHeaders=host, Signature=0")
	for name, value := range c.header {
		r.Header.Set(name, value)
	}
	return r
}

// jsonCall is a call of a service that speaks JSON.
func jsonCall(service, target, body string) call {
	return call{service: service, header: map[string]string{"X-Amz-Target": target}, body: body}
}

// formCall is a call of a service that takes forms.
func formCall(service, version, form string) call {
	return call{
		service: service, body: "Version=" + version + "&" + form,
		header: map[string]string{"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
	}
}

const (
	role      = "arn:aws:iam::123456789012:role/shop-pay"
	functions = "/2015-03-31/functions"
)

func TestRequestsOfEveryProtocolAreReadAndChecked(t *testing.T) {
	for _, test := range []struct {
		name string
		call call
		// want are the service, operation and parameters.
		want   string
		params map[string]any
		// problems begin what is wrong, in any order.
		problems []string
	}{
		{
			name: "rest-json: a label, escaped, and a body",
			call: call{service: "lambda", uri: functions + "/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Ashop-pay/versions", body: `{"Description": "first", "CodeSha256": null}`},
			want: "lambda:PublishVersion",
			params: map[string]any{
				"FunctionName": "arn:aws:lambda:us-east-1:123456789012:function:shop-pay", "Description": "first",
			},
		},
		{
			name: "rest-json: nested members, a blob, a map, a list",
			call: call{service: "lambda", uri: functions, body: `{"FunctionName": "f", "Role": "` + role + `", "Runtime": "python3.13", "Handler": "a.b",
				"Code": {"ZipFile": "aGk="}, "MemorySize": 128, "Publish": true, "Environment": {"Variables": {"AB": ""}}, "Architectures": ["arm64"]}`},
			want: "lambda:CreateFunction",
			params: map[string]any{
				"FunctionName": "f", "Role": role, "Runtime": "python3.13", "Handler": "a.b", "Code": map[string]any{"ZipFile": []byte("hi")},
				"MemorySize": 128.0, "Publish": true, "Environment": map[string]any{"Variables": map[string]any{"AB": ""}}, "Architectures": []any{"arm64"},
			},
		},
		{
			name: "rest-json: what is required, unknown, of the wrong type, out of range or set, or does not match",
			call: call{service: "lambda", uri: functions, body: `{"FunctionName": "f g", "Runtime": "python2.6", "Handler": 7, "Colour": "red",
				"Code": {"ZipFile": "%", "Url": "x"}, "MemorySize": 64, "Timeout": 1.5, "Environment": {"Variables": {"1A": "x", "BC": 1}}, "Architectures": [],
				"EphemeralStorage": {"Size": 511}, "Layers": "x", "Publish": "yes"}`},
			want: "lambda:CreateFunction",
			problems: []string{
				"Role: is required", "FunctionName: is \"f g\", which does not match", "Runtime: is \"python2.6\", want one of", "Handler: is a number, want a string",
				"Colour: is unknown", "Code.ZipFile: is not base64", "Code.Url: is unknown", "MemorySize: has 64, want at least 128",
				"Timeout: is a number, want a integer", `Environment.Variables key "1A": is "1A", which does not match`, "Environment.Variables.BC: is a number, want a string",
				"Architectures: has 0 items, want at least 1", "EphemeralStorage.Size: has 511, want at least 512", "Layers: is a string, want a list",
				"Publish: is a string, want a boolean",
			},
		},
		{
			name:   "rest-json: the query string, and operations that only it tells apart",
			call:   call{service: "lambda", method: "GET", uri: "/2018-10-31/layers?find=LayerVersion&Arn=arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Alayer%3Ashop%3A1"},
			want:   "lambda:GetLayerVersionByArn",
			params: map[string]any{"Arn": "arn:aws:lambda:us-east-1:123456789012:layer:shop:1"},
		},
		{
			name:   "rest-json: a list and a number in the query string",
			call:   call{service: "lambda", method: "DELETE", uri: "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Af?tagKeys=a&tagKeys=b"},
			want:   "lambda:UntagResource",
			params: map[string]any{"Resource": "arn:aws:lambda:us-east-1:123456789012:function:f", "TagKeys": []any{"a", "b"}},
		},
		{
			name:     "rest-json: a bad query string",
			call:     call{service: "lambda", method: "GET", uri: functions + "?MaxItems=many&Colour=red&Marker=a&Marker=b"},
			want:     "lambda:ListFunctions",
			problems: []string{"MaxItems: is \"many\", want a whole number", "MaxItems: has 0, want at least 1", "Marker: is in the query string 2 times", "ListFunctions has no parameter \"Colour\""},
		},
		{
			name:   "rest-json: headers, and a payload as it is",
			call:   call{service: "lambda", uri: functions + "/f/invocations?Qualifier=live", header: map[string]string{"X-Amz-Invocation-Type": "Event", "X-Amz-Date": "20260101T000000Z"}, body: "anything"},
			want:   "lambda:Invoke",
			params: map[string]any{"FunctionName": "f", "Qualifier": "live", "InvocationType": "Event", "Payload": []byte("anything")},
		},
		{
			name:     "rest-json: bad headers",
			call:     call{service: "lambda", uri: functions + "/f/invocations", header: map[string]string{"X-Amz-Invocation-Type": "Later", "X-Amz-Colour": "red"}},
			want:     "lambda:Invoke",
			problems: []string{"InvocationType: is \"Later\", want one of", "Invoke has no parameter in a header x-amz-colour"},
		},
		{
			name:   "rest-json: other names on the wire than in the model",
			call:   call{service: "apigateway", uri: "/v2/apis/a1/stages", body: `{"stageName": "$default", "autoDeploy": true, "defaultRouteSettings": {"throttlingRateLimit": 1.5}}`},
			want:   "apigatewayv2:CreateStage",
			params: map[string]any{"ApiId": "a1", "StageName": "$default", "AutoDeploy": true, "DefaultRouteSettings": map[string]any{"ThrottlingRateLimit": 1.5}},
		},
		{
			name:     "rest-json: a name of the model is not one on the wire",
			call:     call{service: "apigateway", uri: "/v2/apis/a1/stages", body: `{"StageName": "$default"}`},
			want:     "apigatewayv2:CreateStage",
			problems: []string{"StageName: is unknown", "StageName: is required"},
		},
		{
			name:   "rest-json: timestamps are seconds",
			call:   call{service: "scheduler", uri: "/schedules/s", body: `{"ScheduleExpression": "rate(1 hours)", "FlexibleTimeWindow": {"Mode": "OFF"}, "StartDate": 1767225600, "Target": {"Arn": "arn:a", "RoleArn": "` + role + `"}}`},
			want:   "scheduler:CreateSchedule",
			params: map[string]any{"Name": "s", "ScheduleExpression": "rate(1 hours)", "FlexibleTimeWindow": map[string]any{"Mode": "OFF"}, "StartDate": 1767225600.0, "Target": map[string]any{"Arn": "arn:a", "RoleArn": role}},
		},
		{
			name:     "rest-json: what is required inside a structure, and a timestamp as text",
			call:     call{service: "scheduler", uri: "/schedules/s", body: `{"ScheduleExpression": "rate(1 hours)", "FlexibleTimeWindow": {"Mode": "SOMETIMES", "MaximumWindowInMinutes": 1441}, "StartDate": "2026-01-01T00:00:00Z", "Target": {}}`},
			want:     "scheduler:CreateSchedule",
			problems: []string{"FlexibleTimeWindow.Mode: is \"SOMETIMES\"", "FlexibleTimeWindow.MaximumWindowInMinutes: has 1441", "StartDate: is a string, want a number of seconds", "Target.Arn: is required", "Target.RoleArn: is required"},
		},
		{
			name:     "rest-json: no JSON",
			call:     call{service: "lambda", uri: functions + "/f/versions", body: `{"Description`},
			want:     "lambda:PublishVersion",
			problems: []string{"the body is not JSON"},
		},
		{
			name:     "rest-json: no such path",
			call:     call{service: "lambda", method: "PATCH", uri: functions + "/f"},
			want:     "lambda:",
			problems: []string{"lambda has no operation PATCH /2015-03-31/functions/f"},
		},
		{
			name:   "json 1.0",
			call:   jsonCall("sqs", "AmazonSQS.CreateQueue", `{"QueueName": "q", "Attributes": {"VisibilityTimeout": "30"}, "tags": {"a": "b"}}`),
			want:   "sqs:CreateQueue",
			params: map[string]any{"QueueName": "q", "Attributes": map[string]any{"VisibilityTimeout": "30"}, "tags": map[string]any{"a": "b"}},
		},
		{
			name:     "json 1.0: an unknown attribute, a number for a string",
			call:     jsonCall("sqs", "AmazonSQS.CreateQueue", `{"Attributes": {"Colour": "red", "DelaySeconds": 3}}`),
			want:     "sqs:CreateQueue",
			problems: []string{"QueueName: is required", `Attributes key "Colour": is "Colour", want one of`, "Attributes.DelaySeconds: is a number, want a string"},
		},
		{
			name:     "json 1.0: the operation's name for the target",
			call:     jsonCall("sqs", "CreateQueue", `{"QueueName": "q"}`),
			want:     "sqs:",
			problems: []string{"the header X-Amz-Target is \"CreateQueue\""},
		},
		{
			name:     "json 1.1: a pattern, a set of numbers",
			call:     jsonCall("logs", "Logs_20140328.PutRetentionPolicy", `{"logGroupName": "a b", "retentionInDays": "14"}`),
			want:     "logs:PutRetentionPolicy",
			problems: []string{"logGroupName: is \"a b\", which does not match", "retentionInDays: is a string, want a integer"},
		},
		{
			name:     "json: an unknown operation",
			call:     jsonCall("logs", "Logs_20140328.PaintLogGroup", `{}`),
			want:     "logs:",
			problems: []string{"logs has no operation \"PaintLogGroup\""},
		},
		{
			name:   "query: lists of structures",
			call:   formCall("iam", "2010-05-08", "Action=CreateRole&RoleName=r&AssumeRolePolicyDocument=%7B%7D&MaxSessionDuration=3600&Tags.member.1.Key=a&Tags.member.1.Value=&Tags.member.2.Key=b&Tags.member.2.Value=c"),
			want:   "iam:CreateRole",
			params: map[string]any{"RoleName": "r", "AssumeRolePolicyDocument": "{}", "MaxSessionDuration": 3600.0, "Tags": []any{map[string]any{"Key": "a", "Value": ""}, map[string]any{"Key": "b", "Value": "c"}}},
		},
		{
			name: "query: what is required, unknown, too long, no number, or no list",
			call: formCall("iam", "2010-05-08", "Action=CreateRole&Colour=red&RoleName="+strings.Repeat("r", 65)+"&MaxSessionDuration=long&Tags.member.2.Key=b&Tags.member.2.Value=c&PermissionsBoundary=x"),
			want: "iam:CreateRole",
			problems: []string{
				"AssumeRolePolicyDocument: is required", "Colour: is unknown", "RoleName: has 65 characters, want at most 64", "MaxSessionDuration: is \"long\", want a whole number",
				"MaxSessionDuration: has 0, want at least 3600", "Tags: has items [\"2\"], want numbers from 1 on", "PermissionsBoundary: has 1 characters, want at least 20",
			},
		},
		{
			name:     "query: a list without its member",
			call:     formCall("iam", "2010-05-08", "Action=TagRole&RoleName=r&Tags.1.Key=a&Tags.1.Value=b"),
			want:     "iam:TagRole",
			problems: []string{"Tags: has [\"1\"], want only \"member\""},
		},
		{
			name:     "query: a list with something beside its members",
			call:     formCall("iam", "2010-05-08", "Action=TagRole&RoleName=r&Tags.member.1.Key=a&Tags.member.1.Value=b&Tags.x=1"),
			want:     "iam:TagRole",
			problems: []string{"Tags: has [\"member\" \"x\"], want only \"member\""},
		},
		{
			name:     "query: another version",
			call:     formCall("iam", "2012-01-01", "Action=CreateRole&RoleName=r"),
			want:     "iam:",
			problems: []string{"the parameter Version is \"2012-01-01\", where 2010-05-08 is due"},
		},
		{
			name:     "query: no such action",
			call:     formCall("sts", "2011-06-15", "Action=AssumeCharacter"),
			want:     "sts:",
			problems: []string{"sts has no operation \"AssumeCharacter\""},
		},
		{
			name:   "ec2: flat lists, capital letters",
			call:   formCall("ec2", "2016-11-15", "Action=DescribeSubnets&SubnetId.1=subnet-1&Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1&DryRun=false"),
			want:   "ec2:DescribeSubnets",
			params: map[string]any{"SubnetIds": []any{"subnet-1"}, "Filters": []any{map[string]any{"Name": "vpc-id", "Values": []any{"vpc-1"}}}, "DryRun": false},
		},
		{
			name:     "ec2: unknown, and no boolean",
			call:     formCall("ec2", "2016-11-15", "Action=DescribeSubnets&Colour=red&DryRun=perhaps"),
			want:     "ec2:DescribeSubnets",
			problems: []string{"Colour: is unknown", "DryRun: is \"perhaps\", want true or false"},
		},
		{
			name:   "rest-xml: a greedy label, headers, and a payload as it is",
			call:   call{service: "s3", method: "PUT", uri: "/shop/a/b%20c.zip?x-id=PutObject", header: map[string]string{"X-Amz-Meta-Stack": "shop", "X-Amz-Server-Side-Encryption": "AES256", "X-Amz-Checksum-Crc32": "AAAAAA=="}, body: "zip"},
			want:   "s3:PutObject",
			params: map[string]any{"Bucket": "shop", "Key": "a/b c.zip", "Metadata": map[string]any{"stack": "shop"}, "ServerSideEncryption": "AES256", "ChecksumCRC32": "AAAAAA==", "Body": []byte("zip")},
		},
		{
			name: "rest-xml: operations that the query string or a header tells apart",
			call: call{service: "s3", method: "PUT", uri: "/shop/key?partNumber=1&uploadId=u", body: "zip"},
			want: "s3:UploadPart", params: map[string]any{"Bucket": "shop", "Key": "key", "PartNumber": 1.0, "UploadId": "u", "Body": []byte("zip")},
		},
		{
			name: "rest-xml: a copy",
			call: call{service: "s3", method: "PUT", uri: "/shop/key", header: map[string]string{"X-Amz-Copy-Source": "/shop/other"}},
			want: "s3:CopyObject", params: map[string]any{"Bucket": "shop", "Key": "key", "CopySource": "/shop/other"},
		},
		{
			name: "rest-xml: a body",
			call: call{service: "s3", method: "PUT", uri: "/shop?tagging", body: `<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>`},
			want: "s3:PutBucketTagging", params: map[string]any{"Bucket": "shop", "Tagging": map[string]any{"TagSet": []any{map[string]any{"Key": "a", "Value": "b"}}}},
		},
		{
			name: "rest-xml: a flat list",
			call: call{service: "s3", uri: "/shop?delete", body: `<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object><Quiet>true</Quiet></Delete>`},
			want: "s3:DeleteObjects", params: map[string]any{"Bucket": "shop", "Delete": map[string]any{"Objects": []any{map[string]any{"Key": "a"}, map[string]any{"Key": "b"}}, "Quiet": true}},
		},
		{
			name:     "rest-xml: unknown elements, and what is required",
			call:     call{service: "s3", method: "PUT", uri: "/shop?tagging", body: `<Tagging><TagSet><Tag><Key>a</Key><Colour>red</Colour></Tag><Mark/></TagSet></Tagging>`},
			want:     "s3:PutBucketTagging",
			problems: []string{"Tagging.TagSet[0].Colour: is unknown", "Tagging.TagSet: has an element Mark, want Tag", "Tagging.TagSet[0].Value: is required", "Tagging.TagSet[1].Key: is required", "Tagging.TagSet[1].Value: is required"},
		},
		{
			name:     "rest-xml: another root, an enum, no XML",
			call:     call{service: "s3", method: "PUT", uri: "/shop?versioning", body: `<Versioning><Status>Perhaps</Status></Versioning>`},
			want:     "s3:PutBucketVersioning",
			problems: []string{"VersioningConfiguration: the body is an element Versioning, want VersioningConfiguration", "VersioningConfiguration.Status: is \"Perhaps\""},
		},
		{
			name:     "rest-xml: no XML",
			call:     call{service: "s3", method: "PUT", uri: "/shop?versioning", body: `{}`},
			want:     "s3:PutBucketVersioning",
			problems: []string{"VersioningConfiguration: the body is not XML"},
		},
		{
			name:     "no such service",
			call:     call{service: "teleport"},
			want:     "teleport:",
			problems: []string{"AWS has no service \"teleport\""},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := test.call.request(t)
			theModels(t).read(r)
			if r.Call() != test.want {
				t.Errorf("the call is %s, want %s", r.Call(), test.want)
			}
			if test.params != nil && !reflect.DeepEqual(r.Params, test.params) {
				t.Errorf("the parameters are\n%#v, want\n%#v", r.Params, test.params)
			}
			left := slices.Clone(test.problems)
			for _, problem := range r.Problems {
				at := slices.IndexFunc(left, func(begin string) bool { return strings.HasPrefix(problem, begin) })
				if at < 0 {
					t.Errorf("unexpected: %s", problem)
					continue
				}
				left = slices.Delete(left, at, at+1)
			}
			for _, missing := range left {
				t.Errorf("not found: %s", missing)
			}
		})
	}
}

func TestAnUnsignedCallForCredentialsIsOneToSTS(t *testing.T) {
	r := formCall("", "2011-06-15", "Action=AssumeRoleWithWebIdentity&RoleArn="+url.QueryEscape(role)+"&RoleSessionName=s1&WebIdentityToken=token").request(t)
	r.Header.Del("Authorization")
	theModels(t).read(r)
	if r.Call() != "sts:AssumeRoleWithWebIdentity" || len(r.Problems) != 0 {
		t.Errorf("the call is %s, its problems are %q", r.Call(), r.Problems)
	}
	bare := call{}.request(t)
	bare.Header.Del("Authorization")
	theModels(t).read(bare)
	if fmt.Sprint(bare.Problems) != fmt.Sprint([]error{errUnknownService}) {
		t.Errorf("problems of a request without anything: %q", bare.Problems)
	}
}

// usedServices are those that target aws calls, or may come to.
var usedServices = []string{
	"lambda", "iam", "sqs", "logs", "apigatewayv2", "scheduler", "s3", "sts", "ec2", "ecr",
	"application-autoscaling", "kms", "events",
}

func TestEveryPatternOfTheServicesCanBeChecked(t *testing.T) {
	for _, name := range usedServices {
		s, err := theModels(t).service(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, sh := range s.Shapes {
			if sh.Pattern == "" {
				continue
			}
			if _, err := compilePattern(sh.Pattern); err != nil {
				t.Errorf("%s %s: %v\n%s", name, sh.name, err, sh.Pattern)
			}
		}
	}
}

func FuzzAnyRequestIsRead(f *testing.F) {
	m := theModels(f)
	f.Add("lambda", "POST", "/2015-03-31/functions", "", "", `{"Code": {"ZipFile": "aGk="}, "Layers": [1, null], "Environment": []}`)
	f.Add("sqs", "POST", "/", "X-Amz-Target", "AmazonSQS.CreateQueue", `{"tags": {"a": null}}`)
	f.Add("iam", "POST", "/", "Content-Type", "application/x-www-form-urlencoded", "Action=TagRole&Version=2010-05-08&Tags=&Tags.member.1.Key.x=1&RoleName.member.1=2")
	f.Add("s3", "PUT", "/b?tagging", "X-Amz-Meta-A", "b", `<Tagging><TagSet><Tag><Key><a/></Key></Tag></TagSet></Tagging>`)
	f.Add("ec2", "POST", "/", "Content-Type", "application/x-www-form-urlencoded", "Action=RunInstances&Version=2016-11-15&BlockDeviceMapping.1.Ebs.VolumeSize=x")
	f.Add("scheduler", "GET", "/schedules?NamePrefix=%20&NextToken=%zz", "", "", "")
	f.Fuzz(func(t *testing.T, service, method, uri, header, value, body string) {
		u, err := url.ParseRequestURI(uri)
		if err != nil || !slices.Contains(usedServices, service) && service != "apigateway" {
			return
		}
		r := call{service: service, method: method, body: body, header: map[string]string{header: value}}.request(t)
		r.URL = u
		m.read(r)
		if r.Operation == "" && len(r.Problems) == 0 {
			t.Error("a request without an operation has no problem")
		}
	})
}
