package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/trigger"
)

type queueOutput struct {
	Body trigger.QueueStats
}

type redriveOutput struct {
	Body struct {
		Moved int `json:"moved" doc:"How many dead letters went back to the queue."`
	}
}

type deadLettersInput struct {
	StackPath
	Limit int `query:"limit" default:"100" minimum:"1" maximum:"1000" doc:"The most dead letters in the answer."`
}

type deadLettersOutput struct {
	Body struct {
		DeadLetters []trigger.DeadLetterMessage `json:"dead_letters" doc:"Oldest first."`
	}
}

func (s *Server) registerQueues(api huma.API) {
	const route = "/v1/stacks/{stack}/queue"
	queues := s.Triggers.Queues

	huma.Register(api, operation("getQueue", http.MethodGet, route, "queues",
		"How many messages a queue has", "", http.StatusNotFound),
		func(ctx context.Context, in *StackPath) (*queueOutput, error) {
			stats, err := queues.Stats(ctx, in.Stack)
			return &queueOutput{stats}, s.queueProblem(ctx, "count the queue's messages", err)
		})

	huma.Register(api, operation("redriveQueue", http.MethodPost, route+"/redrive", "queues",
		"Send the dead letters back to their queue", "As new messages.", http.StatusNotFound, http.StatusConflict),
		func(ctx context.Context, in *StackPath) (*redriveOutput, error) {
			out := &redriveOutput{}
			var err error
			out.Body.Moved, err = queues.Redrive(ctx, in.Stack)
			return out, s.queueProblem(ctx, "redrive the dead letters", err)
		})

	purge := operation("purgeQueue", http.MethodPost, route+"/purge", "queues",
		"Delete all messages of a queue", "Not its dead letters.", http.StatusNotFound)
	purge.DefaultStatus = http.StatusNoContent
	huma.Register(api, purge, func(ctx context.Context, in *StackPath) (*struct{}, error) {
		return nil, s.queueProblem(ctx, "purge the queue", queues.Purge(ctx, in.Stack))
	})

	huma.Register(api, operation("listDeadLetters", http.MethodGet, route+"/dead-letters", "queues",
		"A queue's dead letters", "They stay where they are.", http.StatusNotFound, http.StatusConflict),
		func(ctx context.Context, in *deadLettersInput) (*deadLettersOutput, error) {
			out := &deadLettersOutput{}
			letters, err := queues.DeadLetters(ctx, in.Stack, in.Limit)
			out.Body.DeadLetters = orEmpty(letters)
			return out, s.queueProblem(ctx, "read the dead letters", err)
		})
}

// queueProblem gives the queues' refusals their status.
func (s *Server) queueProblem(ctx context.Context, doing string, err error) error {
	var refused *trigger.QueueError
	if errors.As(err, &refused) {
		return problem(refused.Status, "%s", refused.Message)
	}
	return s.storeProblem(ctx, doing, err)
}
