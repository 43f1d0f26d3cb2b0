package aws

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/awswire"
)

// A stranger is a provider that AWS does not let in.
type stranger struct {
	// lines of the provider's aws.
	lines string
	// reply is what STS says to it; nil leaves that to the emulator.
	reply awswire.Reply
	want  complaint
}

var strangers = map[string]stranger{
	"nobody": {
		lines: "access_key = null\nsecret_key = null\nsession_token = null\n",
		want:  complaint{"here are no credentials for AWS", "$AWS_ACCESS_KEY_ID", "the provider's aws block"},
	},
	"expired": {
		reply: awswire.Error("403 ExpiredToken", "The security token included in the request is expired"),
		want:  complaint{"the credentials for AWS have expired", "aws sso login"},
	},
	"unknown": {
		reply: awswire.Error("403 InvalidClientTokenId", "The security token included in the request is invalid."),
		want:  complaint{"AWS does not know the credentials", "mistyped"},
	},
	"mistyped": {
		// AWS repeats what was signed, and with it the session's token.
		reply: awswire.Error("403 SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. "+
			"Check your AWS Secret Access Key and signing method. The Canonical String for this request should have been 'POST x-amz-security-token:"+sessionToken+"'"),
		want: complaint{"the secret key does not belong to the access key"},
	},
	"late": {
		reply: awswire.Error("403 SignatureDoesNotMatch", "Signature expired: 20261121T101010Z is now earlier than 20261121T111010Z (20261121T111510Z - 5 min.)"),
		want:  complaint{"set the clock of this machine"},
	},
	"not-enabled": {
		lines: "region = \"af-south-1\"\n",
		reply: awswire.Error("403 InvalidClientTokenId", "The security token included in the request is invalid"),
		want:  complaint{"not good for this region", "af-south-1"},
	},
	"nowhere":     {lines: "region = null\n", want: complaint{"o AWS region is given", "$AWS_REGION"}},
	"not-allowed": {lines: "allowed_account_ids = [\"999999999999\"]\n", want: complaint{"belong to the AWS account ACCOUNT", "allowed only 999999999999", "allowed_account_ids"}},
	"no-role": {
		lines: "assume_role = { role_arn = \"arn:aws:iam::210987654321:role/deployer\" }\n",
		want:  complaint{"annot assume the role arn:aws:iam::210987654321:role/deployer", "sts:AssumeRole", "trust policy"},
	},
	"deserted": {lines: "endpoint = \"NOBODY\"\n", want: complaint{"NOBODY cannot be reached", "connection refused", "the endpoint"}},
	"page":     {reply: awswire.Raw(200, "text/html", "<html><body>Welcome to the hotel's network!</body></html>"), want: complaint{"is not STS of AWS", "correct the endpoint"}},
	"mute":     {reply: awswire.Hangup(), want: complaint{"STS at", "closes the connection without an answer", "the endpoint"}},
	"gateway":  {reply: awswire.Raw(502, "text/html", "<html>Bad Gateway</html>"), want: complaint{"keeps answering GetCallerIdentity with status 502", "apply again later"}},
}

// Who AWS does not let in learns why while planning, and nothing is made or changed.
func TestWhoIsNotLetInLearnsWhy(t *testing.T) {
	o := suffer(t)
	nobody := fmt.Sprintf("http://127.0.0.1:%d", acctest.FreePort(t))
	var config strings.Builder
	for _, name := range slices.Sorted(maps.Keys(strangers)) {
		s := strangers[name]
		if s.reply != nil {
			// The access key, which requests show, tells which provider asks.
			key := "AKIA" + strings.ToUpper(strings.ReplaceAll(name, "-", ""))
			s.lines += fmt.Sprintf("    access_key = %q\n", key)
			o.Proxy.Answer(awswire.On("*").Where(func(r *awswire.Request) bool {
				return strings.Contains(r.Header.Get("Authorization"), "Credential="+key+"/")
			}), s.reply)
		}
		s.lines += "    max_retries = 2\n" // So that nobody waits long for what is broken.
		config.WriteString(o.provider(name, strings.ReplaceAll(s.lines, "NOBODY", nobody)))
		config.WriteString(o.stack(name, "provider = tidegate."+name, `secrets_wo = { API_KEY = "`+secretOfStack+"\" }\nsecrets_version = \"1\""))
	}
	o.Proxy.Answer(awswire.On("sts:AssumeRole"), awswire.AccessDenied("sts:AssumeRole", "arn:aws:iam::210987654321:role/deployer"))
	o.put("main.tf", config.String())
	errs := o.fails("plan", "-parallelism=20")
	for _, name := range slices.Sorted(maps.Keys(strangers)) {
		t.Run(name, func(t *testing.T) {
			var want complaint
			for _, words := range strangers[name].want {
				want = append(want, strings.NewReplacer("NOBODY", nobody, "ACCOUNT", o.Account).Replace(words))
			}
			want.check(t, errs["tidegate_stack."+name])
		})
		delete(errs, "tidegate_stack."+name)
	}
	if len(errs) > 0 {
		t.Errorf("there are further errors: %q", errs)
	}
	for _, r := range o.changes() {
		if r.Service != "sts" {
			t.Errorf("the call %v was made all the same", r)
		}
	}
	o.nothingLeft()
}

// A region that cannot be one shows before anything is planned.
func TestNoRegionAtAllIsInvalid(t *testing.T) {
	o := suffer(t)
	o.put("provider.tf", o.provider("", "region = \"Frankfurt\"\n"))
	o.put("main.tf", o.stack("shop", "", ""))
	complaint{`"Frankfurt" is not a region such as "eu-central-1"`}.check(t, o.fails("plan")[""])
	if n := o.Proxy.Count("*"); n > 0 {
		t.Errorf("AWS was asked %d times", n)
	}
}

// The plan of new stacks asks AWS once, whose the credentials are; and nothing while the
// provider's configuration is not known yet, as when something else is to be made first.
func TestAPlanOfNewStacksAsksOnceWhoItIs(t *testing.T) {
	o := suffer(t)
	o.put("main.tf", o.stack("shop", "", "")+o.stack("media", "", ""))
	if out, err := o.Workspace.Workspace.Run(t.Context(), "plan"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if asked := o.Proxy.Requests(); len(asked) != 1 || asked[0].Call() != "sts:GetCallerIdentity" {
		t.Errorf("the plan made the calls %v", asked)
	}

	o.put("provider.tf", o.provider("", "region = terraform_data.region.output\n"))
	o.put("region.tf", "resource \"terraform_data\" \"region\" { input = \""+acctest.Region+"\" }\n")
	o.Proxy.Forget()
	if out, err := o.Workspace.Workspace.Run(t.Context(), "plan"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if asked := o.Proxy.Requests(); len(asked) > 0 {
		t.Errorf("the plan that does not know the region made the calls %v", asked)
	}
	o.Apply()
	o.EmptyPlan()
	o.destroyAll()
}
