// An extension: it prints the events that it gets, and does what the variable
// EXTENSION says.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

var (
	api = "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API")
	id  string
)

func main() {
	do := os.Getenv("EXTENSION")
	if do == "exit at once" {
		os.Exit(4)
	}
	answer := call(http.MethodPost, "/2020-01-01/extension/register", `{"events":["INVOKE","SHUTDOWN"]}`,
		"Lambda-Extension-Name", filepath.Base(os.Args[0]), "Lambda-Extension-Accept-Feature", "accountId")
	id = answer.Header.Get("Lambda-Extension-Identifier")
	fmt.Printf("registered: %s\n", text(answer))
	if do == "fail to initialise" {
		call(http.MethodPost, "/2020-01-01/extension/init/error", `{"errorMessage":"no configuration"}`,
			"Lambda-Extension-Function-Error-Type", "Extension.NoConfiguration")
		select {}
	}
	if strings.HasPrefix(do, "telemetry") {
		subscribe(strings.TrimPrefix(do, "telemetry "))
	}
	for {
		var event struct{ EventType, ShutdownReason, RequestID string }
		if err := json.Unmarshal([]byte(text(call(http.MethodGet, "/2020-01-01/extension/event/next", ""))), &event); err != nil {
			fmt.Println("no event:", err)
			os.Exit(5)
		}
		fmt.Printf("extension got %s %s\n", event.EventType, event.ShutdownReason)
		if event.EventType == "SHUTDOWN" {
			os.Exit(0)
		}
		if do == "exit with an event" {
			os.Exit(6)
		}
	}
}

// subscribe prints what telemetry there is.
func subscribe(host string) {
	listener, err := net.Listen("tcp", "0.0.0.0:8080")
	if err != nil {
		fmt.Println(err)
		os.Exit(7)
	}
	go http.Serve(listener, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { //nolint:errcheck,gosec // ends with the process
		var events []struct {
			Type   string
			Record json.RawMessage
		}
		if json.NewDecoder(r.Body).Decode(&events) == nil {
			for _, e := range events {
				if e.Type != "extension" { // its own lines would have no end
					fmt.Printf("telemetry: %s %s\n", e.Type, e.Record)
				}
			}
		}
	}))
	answer := call(http.MethodPut, "/2022-07-01/telemetry", `{"schemaVersion":"2022-12-13","types":["platform","function"],`+
		`"buffering":{"maxItems":1000,"maxBytes":262144,"timeoutMs":25},"destination":{"protocol":"HTTP","URI":"http://`+host+`:8080"}}`)
	fmt.Printf("subscribed: %d %s\n", answer.StatusCode, text(answer))
}

func call(method, path, body string, header ...string) *http.Response {
	r, _ := http.NewRequest(method, api+path, bytes.NewReader([]byte(body)))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if id != "" {
		r.Header.Set("Lambda-Extension-Identifier", id)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		fmt.Println(err)
		os.Exit(8)
	}
	return answer
}

func text(answer *http.Response) string {
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	return string(body)
}
