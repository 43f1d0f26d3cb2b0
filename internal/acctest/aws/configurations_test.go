package aws

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// Everything there is, as configuration takes it.
var (
	rich  = []string{"stack.tf", "http_api.tf", "queue.tf", "schedule.tf"}
	plain = []string{"plain_stack.tf", "plain_http_api.tf", "plain_queue.tf", "plain_schedule.tf"}
)

// configuration returns files of testdata, and the code of all functions.
func configuration(t testing.TB, names ...string) map[string]string {
	t.Helper()
	files := map[string]string{}
	read := func(name string) {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(text)
	}
	for _, name := range names {
		read(name)
	}
	err := filepath.WalkDir(filepath.Join("testdata", "code"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			read(strings.TrimPrefix(filepath.ToSlash(path), "testdata/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// A workspace is a Terraform workspace whose files can be edited.
type workspace struct {
	*acctest.AWSWorkspace
	t testing.TB
	// files are the configuration as it is now.
	files map[string]string
	// elsewhere is the ARN of a queue that is no stack's.
	elsewhere string
}

// open returns a workspace with files of testdata on a new account, in which there is
// what they refer to.
func open(t testing.TB, kind harness.EmulatorKind, names ...string) *workspace {
	t.Helper()
	files := configuration(t, append(names, "surroundings.tf")...)
	w := &workspace{AWSWorkspace: acctest.AWS(t, kind, files), t: t, files: files}
	w.surround()
	return w
}

// surround makes what the stacks refer to and do not own.
func (w *workspace) surround() {
	w.t.Helper()
	made := w.Python(`
network = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
subnets = [ec2.create_subnet(VpcId=network, CidrBlock=b)["Subnet"]["SubnetId"] for b in ("10.0.1.0/24", "10.0.2.0/24")]
group = ec2.create_security_group(GroupName="inside", Description="inside", VpcId=network)["GroupId"]
queue = sqs.create_queue(QueueName="elsewhere")["QueueUrl"]
result = {
    "elsewhere": sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"],
    "key": "arn:aws:kms:us-east-1:" + account + ":key/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f",
    "subnets": subnets,
    "security_groups": [group],
}
`, map[string]any{"account": w.Account})
	w.Write("surroundings.auto.tfvars.json", string(made))
	var variables struct{ Elsewhere string }
	if err := json.Unmarshal(made, &variables); err != nil {
		w.t.Fatal(err)
	}
	w.elsewhere = variables.Elsewhere
}

// edit replaces the only place of a text in a file.
func (w *workspace) edit(name, from, to string) {
	w.t.Helper()
	if n := strings.Count(w.files[name], from); n != 1 {
		w.t.Fatalf("%s has %d places with %q, want 1", name, n, from)
	}
	w.put(name, strings.Replace(w.files[name], from, to, 1))
}

// put writes a file of the configuration.
func (w *workspace) put(name, text string) {
	w.t.Helper()
	w.files[name] = text
	w.Write(name, text)
}

// remove deletes a file of the configuration.
func (w *workspace) remove(name string) {
	w.t.Helper()
	delete(w.files, name)
	if err := os.Remove(filepath.Join(w.Dir, name)); err != nil {
		w.t.Fatal(err)
	}
}

// destroyAll destroys everything, and checks that nothing is left of it.
func (w *workspace) destroyAll() {
	w.t.Helper()
	w.Destroy()
	w.nothingLeft()
}

// nothingLeft removes the surroundings, and checks that nothing else is there.
func (w *workspace) nothingLeft() {
	w.t.Helper()
	w.Python(`sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName="elsewhere")["QueueUrl"])`, nil)
	w.NothingLeft()
}
