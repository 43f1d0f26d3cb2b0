package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// The shop of examples/quickstart, as a customer sees it.
type shop struct{ url string }

// order orders something and returns the order's id.
func (s shop) order(ctx context.Context, item string, quantity int) (id string, err error) {
	body, err := json.Marshal(map[string]any{"item": item, "quantity": quantity})
	if err != nil {
		return "", err
	}
	status, raw, err := s.post(ctx, body)
	if err != nil {
		return "", err
	}
	if status != http.StatusAccepted {
		return "", fmt.Errorf("the shop answered an order with %d: %s", status, raw)
	}
	var answer struct {
		ID string `json:"id"`
	}
	err = json.Unmarshal(raw, &answer)
	return answer.ID, err
}

// post sends a body to /orders.
func (s shop) post(ctx context.Context, body []byte) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/orders", bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}
