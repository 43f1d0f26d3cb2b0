package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

const (
	// queueStacks is how many stacks of a queue, its dead letters and a function
	// queuesOnAWS measures, manyQueueStacks how many queuesAtTheLimit does.
	queueStacks, manyQueueStacks = 10, 100
	// awsMemory is the most memory that the provider may take for them, in bytes.
	awsMemory = 120 << 20
)

// queuesOnAWS measures ten queue stacks on an emulator of AWS, by turns with the
// provider of hashicorp/aws, if the machine has it, on another such emulator.
func (b bench) queuesOnAWS(ctx context.Context) ([]row, error) {
	apply := row{what: fmt.Sprintf("apply of %d queue stacks on AWS (moto)", queueStacks), fasterBy: 15, memoryAtMost: awsMemory}
	plan := row{what: "empty plan of them", fasterBy: 5, memoryAtMost: awsMemory}
	moto, err := b.moto(ctx, "moto-tidegate")
	if err != nil {
		return nil, err
	}
	defer moto.stop()
	w, err := b.queues(ctx, "queues", moto, queueStacks)
	if err != nil {
		return nil, err
	}
	rival, err := b.hashicorp(ctx)
	if err != nil {
		return nil, err
	}
	if rival == nil {
		apply.beside, apply.base = "hashicorp/aws (as known)", knownRival["apply"]
		plan.beside, plan.base = apply.beside, knownRival["plan"]
	} else {
		defer rival.moto.stop()
		apply.beside, plan.beside = "hashicorp/aws", "hashicorp/aws"
		// Once is enough: it mostly waits.
		if apply.base, err = rival.moto.cost(ctx, rival.Workspace, "apply", "-auto-approve"); err != nil {
			return nil, err
		}
	}
	var applies, plans, others []cost
	for range runs {
		c, err := moto.cost(ctx, w, "apply", "-auto-approve")
		if err != nil {
			return nil, err
		}
		applies = append(applies, c)
		if c, err = moto.cost(ctx, w, "plan", "-detailed-exitcode"); err != nil {
			return nil, err
		}
		plans = append(plans, c)
		if rival != nil {
			// It may find changes: the emulator does not give back all that it was told.
			if c, err = rival.moto.cost(ctx, rival.Workspace, "plan"); err != nil {
				return nil, err
			}
			others = append(others, c)
		}
		if _, err := w.Destroy(ctx); err != nil {
			return nil, err
		}
	}
	apply.cost, plan.cost = medianCost(applies), medianCost(plans)
	if rival != nil {
		plan.base = medianCost(others)
	}
	return []row{apply, plan}, moto.check()
}

// queuesAtTheLimit measures the apply of a hundred queue stacks where Lambda lets as
// many calls through as it does for an account that was given no more, beside the time
// that their number alone takes.
func (b bench) queuesAtTheLimit(ctx context.Context) ([]row, error) {
	moto, err := b.moto(ctx, "moto-limit")
	if err != nil {
		return nil, err
	}
	defer moto.stop()
	w, err := b.queues(ctx, "many-queues", moto, manyQueueStacks)
	if err != nil {
		return nil, err
	}
	moto.proxy.LambdaQuotas()
	apply := row{
		what: fmt.Sprintf("apply of %d queue stacks at Lambda's rate limit", manyQueueStacks), beside: "its calls at 15 a second",
		slowerBy: 1.3, memoryAtMost: awsMemory,
	}
	if apply.cost, err = moto.cost(ctx, w, "apply", "-auto-approve"); err != nil {
		return nil, err
	}
	apply.base.took = time.Duration(moto.limited()) * time.Second / lambdaRate
	return []row{apply}, moto.check()
}

// queues is a workspace with a configuration of so many queue stacks.
func (b bench) queues(ctx context.Context, name string, moto *moto, stacks int) (*harness.Workspace, error) {
	w, err := b.workspace(ctx, name, moto.env()...)
	if err != nil {
		return nil, err
	}
	var config strings.Builder
	config.WriteString("terraform {\n  required_providers {\n    tidegate = { source = \"tidegate-io/tidegate\" }\n  }\n}\n")
	for i := range stacks {
		fmt.Fprintf(&config, `
resource "tidegate_queue" "q%[1]d" {
  name               = "bench-%[1]d"
  visibility_timeout = "3m"
  dead_letter        = { max_receives = 5 }
  consumer           = { function = "fulfil" }
  functions = {
    fulfil = {
      source  = "${path.module}/src"
      runtime = "python3.13"
      handler = "app.handler"
      timeout = "30s"
      logs    = { retention_days = 14 }
    }
  }
}
`, i)
	}
	if err := w.Write("src/app.py", queueCode); err != nil {
		return nil, err
	}
	return w, w.Write("main.tf", config.String())
}

const queueCode = "def handler(event, context):\n    return len(event['Records'])\n"
