package acctest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/awswire"
)

// A memory holds what an emulator forgets of an account, or mixes up.
type memory struct {
	mu sync.Mutex
	// mappings are the qualifiers of what event source mappings invoke, by UUID.
	mappings map[string]string
	// policies are statements by function and qualifier.
	policies map[string]map[string][]statement
	// redriveAllow are the policies of queues, by URL.
	redriveAllow map[string]string
	// deletedVersions are the numbers of versions that were deleted, by function.
	deletedVersions map[string][]string
	// settings by function and version, or $LATEST.
	settings map[string]map[string]map[string]any
	// stopped functions have a reserved concurrency of 0.
	stopped map[string]bool
	// revisions of aliases, by function and alias.
	revisions map[string]int
	// authorizers are the ids of those that were made, by API.
	authorizers map[string][]string
}

func newMemory() *memory {
	return &memory{
		mappings: map[string]string{}, policies: map[string]map[string][]statement{},
		redriveAllow: map[string]string{}, revisions: map[string]int{}, authorizers: map[string][]string{},
		deletedVersions: map[string][]string{}, stopped: map[string]bool{}, settings: map[string]map[string]map[string]any{},
	}
}

// locked calls do while nobody else uses the memory.
func (m *memory) locked(do func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	do()
}

// answerJSON answers with a JSON object.
func answerJSON(status int, body any) (*awswire.Answer, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return &awswire.Answer{Status: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: text}, nil
}

// other asks an emulator something else than it was asked. The answer is decoded into
// out, if there is one and it is no error.
func other(r *awswire.Request, ask awswire.Ask, method, uri string, in, out any) (*awswire.Answer, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return nil, err
		}
	}
	another, err := r.Another(method, uri, body)
	if err != nil {
		return nil, err
	}
	answer, err := ask(another)
	if err != nil || !answer.OK() || out == nil {
		return answer, err
	}
	if err := json.Unmarshal(answer.Body, out); err != nil {
		return nil, fmt.Errorf("the emulator's answer to %s %s: %w", method, uri, err)
	}
	return answer, nil
}
