package trigger

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// scheduleRetry is how long to wait before a firing is tried again that could not
// be queued.
const scheduleRetry = 5 * time.Second

// look fires a schedule if it is due and nobody else does, and returns when to
// look again; zero means never.
func (s *Schedules) look(ctx context.Context, each *schedule) time.Time {
	log := s.env.Log.With("stack", each.stack, "schedule", each.name)
	state, err := s.advance(ctx, each)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return time.Time{} // it was deleted
	case err != nil:
		if ctx.Err() == nil {
			log.Error("the schedule did not fire; it is tried again", "error", err)
		}
		return s.env.Clock.Now().Add(scheduleRetry)
	case state.Definition != each.definition():
		// Another node knows a newer record, which will be here in a moment.
		return s.env.Clock.Now().Add(scheduleRetry)
	}
	return state.alarm(each)
}

// advance claims, fires and writes down the next time. It returns the state as it
// is then, whoever made it so.
func (s *Schedules) advance(ctx context.Context, each *schedule) (scheduleState, error) {
	state, revision, err := s.read(ctx, each.key())
	if err != nil {
		return scheduleState{}, err
	}
	now := s.env.Clock.Now().UTC()
	if alarm := state.alarm(each); alarm.IsZero() || alarm.After(now) || state.Definition != each.definition() {
		return state, nil
	}
	if state.Due, err = each.latest(state.Created, state.Due, now); err != nil {
		return scheduleState{}, err
	}
	state.Claimed, state.Node = now, s.env.Store.NodeID()
	revision, err = s.write(ctx, each.key(), state, revision)
	if errors.Is(err, errChanged) {
		state, _, err = s.read(ctx, each.key())
		return state, err
	}
	if err != nil {
		return scheduleState{}, err
	}
	fireErr := s.fire(ctx, each, state.Due)
	if fireErr == nil {
		if state.Due, err = each.next(state.Created, state.Due); err != nil {
			return scheduleState{}, err
		}
	}
	state.Claimed, state.Node = time.Time{}, ""
	_, err = s.write(ctx, each.key(), state, revision)
	if errors.Is(err, errChanged) { // it was defined anew meanwhile
		state, _, err = s.read(ctx, each.key())
	}
	return state, errors.Join(fireErr, err)
}

// fires is when the schedule's firing of that time takes place: then, or, with a
// flexible window, at a time within it that is as good as random, but the same on
// every node. A window ends where the next time begins, so that firings do not
// overtake each other.
func (s *schedule) fires(created, due time.Time) time.Time {
	window := s.item.FlexibleWindow.Std()
	if window <= 0 {
		return due
	}
	if next, err := s.next(created, due); err == nil && !next.IsZero() {
		window = min(window, next.Sub(due))
	}
	sum := sha256.Sum256([]byte(s.firing(due)))
	offset := binary.BigEndian.Uint64(sum[:8]) % uint64(max(1, window/time.Second)) //nolint:gosec // positive
	return due.Add(time.Duration(offset) * time.Second)                             //nolint:gosec // at most a day
}

// firing names one firing.
func (s *schedule) firing(due time.Time) string {
	return s.key() + "/" + due.UTC().Format(time.RFC3339)
}

// latest is the last of the schedule's times, from one that is due on, whose
// firing should have taken place by now: of those missed while no node ran, only
// the last is made up for.
func (s *schedule) latest(created, due, now time.Time) (time.Time, error) {
	timetable, err := s.item.Timetable(created)
	if err != nil {
		return time.Time{}, err
	}
	// Not every time since then: look back further and further until there is one.
	for back := time.Minute; now.Add(-back).After(due); back *= 2 {
		if t, ok := timetable.Next(now.Add(-back)); ok && !s.fires(created, t).After(now) {
			due = t.UTC()
			break
		}
	}
	for {
		t, ok := timetable.Next(due)
		if !ok || s.fires(created, t).After(now) {
			return due, nil
		}
		due = t.UTC()
	}
}

// firings is the name space of the ids of firings.
var firings = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://tidegate.io/schedules"))

// fire queues the invocation. An error means that it is to be tried again; what
// cannot succeed is given up.
func (s *Schedules) fire(ctx context.Context, each *schedule, due time.Time) error {
	id := uuid.NewSHA1(firings, []byte(each.firing(due))).String()
	payload := each.payload(id, due)
	left := each.item.Retry.MaxAge.Std() - s.env.Clock.Now().Sub(due)
	if left <= 0 {
		return s.giveUp(ctx, each, due, id, payload, errors.New("it is older than its retry.max_age"))
	}
	retries := each.item.Retry.Attempts
	err := s.env.Invoker.InvokeAsync(ctx, invoke.Request{
		ID:         id,
		Function:   stack.FullName(each.stack, each.item.Function),
		Qualifier:  stack.AliasLive,
		Payload:    payload,
		Source:     "schedule",
		MaxAge:     &left,
		Retries:    &retries,
		DeadLetter: each.item.DeadLetter,
	})
	var refused *invoke.Error
	if errors.As(err, &refused) && refused.Status < http.StatusInternalServerError && !refused.Throttled() {
		return s.giveUp(ctx, each, due, id, payload, err)
	}
	return err
}

// giveUp sends a firing to its dead letters, if it has any.
func (s *Schedules) giveUp(ctx context.Context, each *schedule, due time.Time, id string, payload []byte, why error) error {
	s.env.Log.Error("a firing is given up", "stack", each.stack, "schedule", each.name, "due", due, "error", why)
	if each.item.DeadLetter == "" {
		return nil
	}
	err := s.sendDead(ctx, each.item.DeadLetter, payload, id)
	var refused *QueueError
	if errors.As(err, &refused) && refused.Status < http.StatusInternalServerError {
		s.env.Log.Error("a firing was not taken by its dead letters", "stack", each.stack, "schedule", each.name, "error", err)
		return nil
	}
	return err
}

// payload is the function's event: the schedule's input, or else what EventBridge
// Scheduler sends.
func (s *schedule) payload(id string, due time.Time) []byte {
	scheduled := due.UTC().Format("2006-01-02T15:04:05Z")
	arn := stack.ScheduleARN(s.stack, s.name)
	if s.item.Input != "" {
		return []byte(contextAttributes(map[string]string{
			"schedule-arn":   arn,
			"scheduled-time": scheduled,
			"execution-id":   executionID(id),
			// Retries are of the same event: they all see the first attempt's number.
			"attempt-number": "1",
		}).Replace(s.item.Input))
	}
	event, _ := encodeJSON(map[string]any{ // strings only
		"version":     "0",
		"id":          id,
		"detail-type": "Scheduled Event",
		"source":      "aws.scheduler",
		"account":     stack.Account,
		"time":        scheduled,
		"region":      stack.Region,
		"resources":   []string{arn},
		"detail":      "{}",
	})
	return event
}

// contextAttributes replaces <aws.scheduler.NAME> in a schedule's input, also as
// Terraform's jsonencode writes it, which escapes the angle brackets.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
func contextAttributes(values map[string]string) *strings.Replacer {
	var pairs []string
	for name, value := range values {
		pairs = append(pairs, "<aws.scheduler."+name+">", value, `\u003caws.scheduler.`+name+`\u003e`, value)
	}
	return strings.NewReplacer(pairs...)
}

// executionID has the shape of EventBridge Scheduler's: 16 digits.
func executionID(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:8])
}
