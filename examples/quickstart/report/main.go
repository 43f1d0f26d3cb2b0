// Command report is a function in Go: a program that asks the Lambda Runtime API
// for events and answers them. This one reports whether the shop is open.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

func main() {
	log.SetFlags(0)
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		if err := serveOne(api); err != nil {
			log.Fatal(err)
		}
	}
}

// serveOne waits for one event and answers it.
func serveOne(api string) error {
	resp, err := http.Get(api + "next")
	if err != nil {
		return err
	}
	event, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return err
	}
	outcome := "/response"
	answer, err := handle(event)
	if err != nil {
		log.Print(err)
		outcome = "/error"
		answer = map[string]string{"errorType": "ReportError", "errorMessage": err.Error()}
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	id := resp.Header.Get("Lambda-Runtime-Aws-Request-Id")
	resp, err = http.Post(api+id+outcome, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// handle asks the shop for its menu, and reports.
func handle(event []byte) (any, error) {
	var input struct {
		Shop string `json:"shop"` // URL of the shop's API
	}
	if err := json.Unmarshal(event, &input); err != nil {
		return nil, fmt.Errorf("read the event: %w", err)
	}
	start := time.Now()
	resp, err := http.Get(input.Shop + "/menu")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var menu map[string]int
	if err := json.NewDecoder(resp.Body).Decode(&menu); err != nil {
		return nil, fmt.Errorf("read the menu (%s): %w", resp.Status, err)
	}
	report := fmt.Sprintf("the shop at %s is open, with %d things on the menu; it answered in %v",
		input.Shop, len(menu), time.Since(start).Round(time.Millisecond))
	log.Print(report)
	return map[string]string{"report": report}, nil
}
