package acctest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/awswire"
)

// A Guard lets only what an IAM policy allows through an account's Proxy, and answers
// everything else as AWS does. It knows what each call needs from AWS's Service
// Authorization Reference and guides, not from the code that is tested; see
// awsNeeds.
type Guard struct {
	account *AWSAccount
	// stop takes back what it does to the proxy.
	stop []func()

	mu         sync.Mutex
	statements []allowance
	used       map[string]bool
	// roles are the ARNs of roles by name: IAM finds the path of those that exist.
	roles map[string]string
}

// An allowance is a statement of a policy that allows something.
type allowance struct {
	Effect           string
	Action, Resource []string
	Condition        map[string]map[string][]string
}

// Guard puts a guard before the account, whose policy allows nothing yet.
func (a *AWSAccount) Guard() *Guard {
	a.t.Helper()
	g := &Guard{account: a, used: map[string]bool{}, roles: map[string]string{}}
	if err := json.Unmarshal(a.Python(`result = {r["RoleName"]: r["Arn"] for r in iam.list_roles()["Roles"]}`, nil), &g.roles); err != nil {
		a.t.Fatal(err)
	}
	g.stop = []func(){
		a.Proxy.Answer(awswire.On("*"), g.refusal),
		a.Proxy.After(awswire.On("iam:CreateRole", "iam:DeleteRole"), g.follow),
		a.Proxy.Filter(awswire.On("lambda:GetFunction"), g.hideTags),
		a.Proxy.Filter(awswire.On("lambda:GetFunction"), g.hideEnvironment),
	}
	return g
}

// Stop lets everything through again.
func (g *Guard) Stop() {
	for _, stop := range g.stop {
		stop()
	}
}

// Allow makes a policy, as JSON, the only one. Without are actions that are taken out
// of it.
func (g *Guard) Allow(policy string, without ...string) {
	g.account.t.Helper()
	var document struct{ Statement []allowance }
	if err := json.Unmarshal([]byte(policy), &document); err != nil {
		g.account.t.Fatalf("the policy is no policy: %v", err)
	}
	for n, s := range document.Statement {
		if s.Effect != "Allow" {
			g.account.t.Fatalf("the guard understands nothing but Allow, and a statement says %q", s.Effect)
		}
		document.Statement[n].Action = slices.DeleteFunc(s.Action, func(action string) bool { return slices.Contains(without, action) })
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.statements = document.Statement
}

// Unused are the actions of the policy that is allowed which nothing needed yet, or
// since Forget.
func (g *Guard) Unused() (unused []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.statements {
		for _, action := range s.Action {
			if !g.used[action] {
				unused = append(unused, action)
			}
		}
	}
	slices.Sort(unused)
	return unused
}

// Forget what was needed, and return it.
func (g *Guard) Forget() map[string]bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	used := g.used
	g.used = map[string]bool{}
	return used
}

// refusal is AWS's answer to a call that the policy does not allow, nil to others.
func (g *Guard) refusal(r *awswire.Request) *awswire.Answer {
	for _, need := range g.needs(r) {
		if !g.allows(need) {
			return need.denied(r)
		}
	}
	return nil
}

// denied is AWS's answer to a call that lacks what is needed. What Lambda does in the
// name of the caller, it tells in words of its own.
func (need awsNeed) denied(r *awswire.Request) *awswire.Answer {
	service, action, _ := strings.Cut(need.action, ":")
	const passedOn = "Your access has been denied by %s, please make sure your request credentials have permission to %s for %s. %s Error Code: %s."
	switch {
	case r.Service == "lambda" && service == "ec2":
		return awswire.Error("403 AccessDeniedException", fmt.Sprintf(passedOn, "EC2", action, "sg-0123456789abcdef0", "EC2", "UnauthorizedOperation"))(r)
	case r.Service == "lambda" && service == "s3":
		return awswire.Error("403 AccessDeniedException", fmt.Sprintf(passedOn, "S3", action, strings.TrimPrefix(need.on, "arn:aws:s3:::"), "S3", "AccessDenied"))(r)
	case r.Service == "lambda" && service == "ecr":
		return awswire.Error("403 AccessDeniedException", "Lambda does not have permission to access the ECR image. Check the ECR permissions.")(r)
	case r.Service == "iam" && r.Operation != "CreateRole" && r.Param("RoleName") != "":
		return awswire.AccessDenied(need.action, "role "+r.Param("RoleName"))(r)
	}
	return awswire.AccessDenied(need.action, need.on)(r)
}

// allows tells whether a statement of the policy gives what is needed.
func (g *Guard) allows(need awsNeed) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.statements {
		on := slices.ContainsFunc(s.Resource, func(pattern string) bool { return wildcard(pattern, need.on) })
		if on && slices.Contains(s.Action, need.action) && need.meets(s.Condition) {
			g.used[need.action] = true
			return true
		}
	}
	return false
}

// meets tells whether a need is within a statement's conditions, of which only those on
// whom a role is passed to are known.
func (need awsNeed) meets(conditions map[string]map[string][]string) bool {
	for operator, keys := range conditions {
		for key, values := range keys {
			if operator != "StringEquals" || key != "iam:PassedToService" || !slices.Contains(values, need.passedTo) {
				return false
			}
		}
	}
	return true
}

// wildcard tells whether a text is one of those that a pattern with * and ? is for.
func wildcard(pattern, text string) bool {
	expression := regexp.QuoteMeta(pattern)
	expression = strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(expression)
	return regexp.MustCompile("^" + expression + "$").MatchString(text)
}

// follow learns the ARNs of roles.
func (g *Guard) follow(r *awswire.Request, a *awswire.Answer) {
	if !a.OK() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.Operation == "DeleteRole" {
		delete(g.roles, r.Param("RoleName"))
		return
	}
	g.roles[r.Param("RoleName")] = g.arn("iam", "", "role"+r.Param("Path")+r.Param("RoleName"))
}

// hideTags of a function from whoever may not list them.
func (g *Guard) hideTags(r *awswire.Request, a *awswire.Answer) {
	on := g.function(r)
	if !a.OK() || g.allows(awsNeed{action: "lambda:ListTags", on: on}) {
		return
	}
	a.EditJSON(func(body map[string]any) {
		delete(body, "Tags")
		body["TagsError"] = map[string]any{"ErrorCode": "AccessDeniedException", "Message": "User is not authorized to perform: lambda:ListTags on resource: " + on}
	})
}

// hideEnvironment of a function from whoever may not decrypt it.
func (g *Guard) hideEnvironment(_ *awswire.Request, a *awswire.Answer) {
	if !a.OK() {
		return
	}
	a.EditJSON(func(body map[string]any) {
		configuration, _ := body["Configuration"].(map[string]any)
		key, _ := configuration["KMSKeyArn"].(string)
		if key == "" || configuration["Environment"] == nil || g.allows(awsNeed{action: "kms:Decrypt", on: key}) {
			return
		}
		configuration["Environment"] = map[string]any{"Error": map[string]any{
			"ErrorCode": "AccessDeniedException", "Message": "Lambda was unable to decrypt your environment variables because the KMS access was denied.",
		}}
	})
}
