package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// A StatusError is an answer other than 2xx.
type StatusError struct {
	Method, Path string
	Status       int
	Body         string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s %s: %d %s: %s", e.Method, e.Path, e.Status, http.StatusText(e.Status), e.Body)
}

// Call sends a request to the management API as a stranger to Terraform would: in
// and out are JSON, or nil; in of type []byte goes as it is.
func (r *Runtime) Call(ctx context.Context, method, path string, in, out any) error {
	body, err := encode(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, r.Endpoint+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+r.Token)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return &StatusError{Method: method, Path: path, Status: resp.StatusCode, Body: string(answer)}
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

func encode(in any) (io.Reader, error) {
	switch in := in.(type) {
	case nil:
		return nil, nil
	case []byte:
		return bytes.NewReader(in), nil
	}
	raw, err := json.Marshal(in)
	return bytes.NewReader(raw), err
}

// IsStatus tells whether err is an answer with that status.
func IsStatus(err error, status int) bool {
	var se *StatusError
	return errors.As(err, &se) && se.Status == status
}

// RuntimeIdentifier returns the newest runtime identifier with the prefix
// ("python3.", "nodejs") that this machine has an interpreter for.
func (r *Runtime) RuntimeIdentifier(ctx context.Context, prefix string) (string, error) {
	var answer struct {
		Runtimes []string `json:"runtimes"`
	}
	if err := r.Call(ctx, http.MethodGet, "/v1/runtimes", nil, &answer); err != nil {
		return "", err
	}
	newest, found := -1, ""
	for _, id := range answer.Runtimes {
		version, ok := strings.CutPrefix(id, prefix)
		n, err := strconv.Atoi(strings.TrimSuffix(version, ".x"))
		if ok && err == nil && n > newest {
			newest, found = n, id
		}
	}
	if found == "" {
		return "", fmt.Errorf("this machine has no interpreter for a runtime %s*; it has: %s", prefix, strings.Join(answer.Runtimes, ", "))
	}
	return found, nil
}
