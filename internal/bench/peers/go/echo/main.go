// Command echo is a Lambda function that answers with its event. Told to, it counts its
// invocations instead, so that one can see which was an instance's first, or takes a while.
package main

import (
	"encoding/json"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

var invocations int

func main() {
	lambda.Start(func(event json.RawMessage) (any, error) {
		invocations++
		var told struct {
			Count bool `json:"count"`
			Sleep int  `json:"sleep_ms"`
		}
		_ = json.Unmarshal(event, &told)
		time.Sleep(time.Duration(told.Sleep) * time.Millisecond)
		if told.Count {
			return invocations, nil
		}
		return event, nil
	})
}
