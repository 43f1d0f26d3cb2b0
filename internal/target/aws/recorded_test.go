package aws

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/smithy-go"
)

// recorded decodes what AWS answered in one step of a recorded test case; the file is in
// testdata/recorded.
func recorded(t *testing.T, file, testCase, step string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "recorded", file))
	if err != nil {
		t.Fatal(err)
	}
	var cases map[string]map[string]json.RawMessage
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	answer, ok := cases[testCase][step]
	if !ok {
		t.Fatalf("%s has no step %s of %s", file, step, testCase)
	}
	if err := json.Unmarshal(answer, into); err != nil {
		t.Fatalf("%s, %s of %s: %v", file, step, testCase, err)
	}
}

// recordedError is an error as AWS answered it.
func recordedError(t *testing.T, file, testCase, step string) error {
	t.Helper()
	var answer struct {
		Error struct{ Code, Message string }
	}
	recorded(t, file, testCase, step, &answer)
	if answer.Error.Code == "" {
		t.Fatalf("%s of %s is no error", step, testCase)
	}
	return &smithy.GenericAPIError{Code: answer.Error.Code, Message: answer.Error.Message}
}
