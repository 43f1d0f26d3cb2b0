package harness

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestEmulatorsAnswerBoto3AndKeepAccountsApart(t *testing.T) {
	python, err := StartPython(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := python.Kill(); err != nil {
			t.Error(err)
		}
	})
	for _, kind := range []EmulatorKind{Moto, Ministack} {
		t.Run(string(kind), func(t *testing.T) {
			e, err := StartEmulator(t.Context(), kind, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := e.Kill(); err != nil {
					t.Error(err)
				}
			})
			run := func(account, code string) string {
				t.Helper()
				result, err := python.Do(Account{e.URL, account}, code, map[string]any{"name": "orders"})
				if err != nil {
					t.Fatal(err)
				}
				return string(result)
			}
			arn := `
				url = sqs.create_queue(QueueName=name)["QueueUrl"]
				result = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
			`
			for _, account := range []string{"100000000001", "100000000002"} {
				if got, want := run(account, arn), fmt.Sprintf("%q", "arn:aws:sqs:us-east-1:"+account+":orders"); got != want {
					t.Errorf("the queue of account %s has the ARN %s, want %s", account, got, want)
				}
				if got := run(account, `result = sts.get_caller_identity()["Account"]`); got != fmt.Sprintf("%q", account) {
					t.Errorf("the account is %s, want %s", got, account)
				}
			}
			run("100000000001", `sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])`)
			queues := `result = len(sqs.list_queues().get("QueueUrls", []))`
			if a, b := run("100000000001", queues), run("100000000002", queues); a != "0" || b != "1" {
				t.Errorf("accounts have %s and %s queues, want 0 and 1", a, b)
			}
			if err := e.Reset(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := run("100000000002", queues); got != "0" {
				t.Errorf("%s queues are left after a reset", got)
			}
		})
	}
}

func TestPythonReportsWhatASnippetRaises(t *testing.T) {
	python, err := StartPython(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer python.Kill()
	if _, err := python.Do(Account{}, "print('noted')\nraise ValueError('wrong ' + word)", map[string]any{"word": "thing"}); err == nil || !strings.Contains(err.Error(), "ValueError: wrong thing") {
		t.Errorf("error %v does not hold what was raised", err)
	}
	if !strings.Contains(python.Log(), "noted") {
		t.Errorf("what the snippet printed is not in the log: %s", python.Log())
	}
	result, err := python.Do(Account{}, "import datetime, io\nresult = [datetime.date(2026, 1, 2), b'x', io.BytesIO(b'y'), {2, 1}]", nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []any
	if err := json.Unmarshal(result, &got); err != nil || fmt.Sprint(got) != "[2026-01-02 x y [1 2]]" {
		t.Errorf("result is %s (%v)", result, err)
	}
}
