// A function for runtime "provided": the event says what it does.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/"
	for {
		next, err := http.Get(api + "invocation/next")
		if err != nil {
			os.Exit(2)
		}
		payload, _ := io.ReadAll(next.Body)
		_ = next.Body.Close()
		var event struct{ Do string }
		_ = json.Unmarshal(payload, &event)
		answer := handle(event.Do)
		id := next.Header.Get("Lambda-Runtime-Aws-Request-Id")
		posted, err := http.Post(api+"invocation/"+id+"/response", "application/json", bytes.NewReader(answer))
		if err != nil {
			os.Exit(3)
		}
		_, _ = io.Copy(io.Discard, posted.Body)
		_ = posted.Body.Close()
	}
}

func handle(do string) []byte {
	switch do {
	case "print":
		fmt.Println("printed by the function")
	case "hang":
		time.Sleep(time.Hour)
	case "exit":
		os.Exit(7)
	case "large":
		return []byte(`"` + strings.Repeat("x", 7<<20) + `"`)
	}
	return []byte(fmt.Sprintf("%q", os.Getenv("AWS_LAMBDA_FUNCTION_NAME")))
}
