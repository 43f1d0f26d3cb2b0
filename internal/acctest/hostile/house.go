// Package hostile has functions attack the runtime they run on, and what runs beside them.
// The tests see to it that no attack succeeds; `make bench` measures with Measure how much
// a neighbour feels of one.
package hostile

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

//go:embed functions/attacker.py
var attackerCode []byte

//go:embed functions/neighbour.js
var neighbourCode []byte

// A House is a runtime with a function that attacks and one that lives beside it, in
// stacks of their own.
type House struct {
	runtime *harness.Runtime
	client  *http.Client
	// Hidden is what the neighbour has in its code, its environment and its /tmp.
	Hidden string
}

// An Answer is what an invocation ended with.
type Answer struct {
	// Status of HTTP.
	Status int
	// Error is what X-Amz-Function-Error says: "Unhandled", "Handled" or nothing.
	Error string
	Body  string
}

// function is the part of the API's model that is used here.
type function struct {
	Runtime     string            `json:"runtime"`
	Handler     string            `json:"handler"`
	CodeSHA256  string            `json:"code_sha256"`
	Memory      int               `json:"memory"`
	Timeout     string            `json:"timeout"`
	Environment map[string]string `json:"environment,omitempty"`
}

// Move deploys both functions on a runtime and starts the neighbour.
func Move(ctx context.Context, r *harness.Runtime) (*House, error) {
	secret := make([]byte, 16)
	if _, err := rand.Read(secret); err != nil {
		return nil, err
	}
	h := &House{runtime: r, client: &http.Client{Timeout: time.Minute}, Hidden: "hidden-treasure-" + hex.EncodeToString(secret)}
	python, err := r.RuntimeIdentifier(ctx, "python3.")
	if err != nil {
		return nil, err
	}
	node, err := r.RuntimeIdentifier(ctx, "nodejs")
	if err != nil {
		return nil, err
	}
	attacker := function{Runtime: python, Handler: "attacker.handler", Memory: 1769, Timeout: "30s"}
	if attacker.CodeSHA256, err = h.upload(ctx, "attacker.py", attackerCode); err != nil {
		return nil, err
	}
	neighbour := function{Runtime: node, Handler: "neighbour.handler", Memory: 1769, Timeout: "30s", Environment: map[string]string{"HIDDEN": h.Hidden}}
	if neighbour.CodeSHA256, err = h.upload(ctx, "neighbour.js", fmt.Appendf(nil, "// %s\n%s", h.Hidden, neighbourCode)); err != nil {
		return nil, err
	}
	hasty, small := attacker, attacker
	hasty.Timeout = "5s"
	small.Memory = 192
	if err := h.deploy(ctx, "attacks", map[string]function{"any": attacker, "hasty": hasty, "small": small}); err != nil {
		return nil, err
	}
	if err := h.deploy(ctx, "beside", map[string]function{"neighbour": neighbour}); err != nil {
		return nil, err
	}
	_, err = h.Neighbour(ctx)
	return h, err
}

func (h *House) upload(ctx context.Context, name string, code []byte) (string, error) {
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	f, err := w.Create(name)
	if err != nil {
		return "", err
	}
	if _, err := f.Write(code); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	sum := sha256.Sum256(archive.Bytes())
	path := "/v1/packages/" + base64.RawURLEncoding.EncodeToString(sum[:])
	return base64.StdEncoding.EncodeToString(sum[:]), h.runtime.Call(ctx, http.MethodPut, path, archive.Bytes(), nil)
}

func (h *House) deploy(ctx context.Context, stack string, functions map[string]function) error {
	return h.runtime.Call(ctx, http.MethodPut, "/v1/stacks/"+stack, map[string]any{"name": stack, "functions": functions}, nil)
}

// Attack has one of the stack "attacks" attack: "any", "hasty", which has five seconds, or
// "small", which has little memory. What the attack is told goes into its event.
func (h *House) Attack(ctx context.Context, who, attack string, told map[string]any) (Answer, error) {
	event := map[string]any{"attack": attack}
	for name, value := range told {
		event[name] = value
	}
	return h.invoke(ctx, "attacks-"+who, event)
}

func (h *House) invoke(ctx context.Context, function string, event any) (a Answer, err error) {
	body, err := json.Marshal(event)
	if err != nil {
		return a, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.runtime.Endpoint+"/2015-03-31/functions/"+function+":live/invocations", bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	request.Header.Set("Authorization", "Bearer "+h.runtime.Token)
	response, err := h.client.Do(request)
	if err != nil {
		return a, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return Answer{response.StatusCode, response.Header.Get("X-Amz-Function-Error"), string(answer)}, err
}

// Neighbour invokes the neighbour and returns how long that took. That it did not answer,
// or is not what it was, is an error.
func (h *House) Neighbour(ctx context.Context) (took time.Duration, err error) {
	begin := time.Now()
	a, err := h.invoke(ctx, "beside-neighbour", map[string]any{"say": begin.UnixMicro()})
	took = time.Since(begin)
	if err != nil {
		return took, err
	}
	var answer struct {
		Said  int64 `json:"said"`
		There bool  `json:"there"`
	}
	if err := json.Unmarshal([]byte(a.Body), &answer); err != nil || a.Status != http.StatusOK || answer.Said != begin.UnixMicro() || !answer.There {
		return took, fmt.Errorf("the neighbour answered %d %s %q (%v)", a.Status, a.Error, a.Body, err)
	}
	return took, nil
}
