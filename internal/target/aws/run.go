package aws

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
)

// parallel bounds how many calls to AWS one operation on one stack makes at once.
// AWS's own limits are kept by the clients (see connect.go).
const parallel = 16

// A task is one step of an operation.
type task struct {
	name string
	// after names the tasks that must have succeeded before. Names of no task in the
	// same run are ignored.
	after []string
	do    func(ctx context.Context) error
}

// run does tasks, each as soon as those before it are done. When one fails, those
// that come after it are left out, all others are done, and the errors of all that
// failed are returned. No task begins after ctx has ended.
func run(ctx context.Context, tasks []task) error {
	done := make(map[string]chan struct{}, len(tasks))
	for _, t := range tasks {
		done[t.name] = make(chan struct{})
	}
	var mu sync.Mutex
	failed := map[string]bool{}
	var errs []error
	slots := make(chan struct{}, parallel)
	var group errgroup.Group
	for _, t := range tasks {
		group.Go(func() error {
			defer close(done[t.name])
			skip := false
			for _, before := range t.after {
				if ch, ok := done[before]; ok {
					<-ch
					mu.Lock()
					skip = skip || failed[before]
					mu.Unlock()
				}
			}
			slots <- struct{}{}
			defer func() { <-slots }()
			var err error
			if !skip {
				if err = ctx.Err(); err == nil {
					err = t.do(ctx)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			failed[t.name] = skip || err != nil
			if err != nil {
				errs = append(errs, err)
			}
			return nil
		})
	}
	_ = group.Wait() // The tasks' errors are in errs.
	return joined(errs)
}

// joined is the errors as one, each told once.
func joined(errs []error) error {
	told := map[string]bool{}
	var distinct []error
	for _, err := range errs {
		if !told[err.Error()] {
			told[err.Error()] = true
			distinct = append(distinct, err)
		}
	}
	switch len(distinct) {
	case 0:
		return nil
	case 1:
		return distinct[0]
	}
	return &manyErrors{distinct}
}

// manyErrors prints as one sentence.
type manyErrors struct{ errs []error }

func (e *manyErrors) Error() string {
	text := e.errs[0].Error()
	for _, err := range e.errs[1:] {
		text += "; moreover, " + err.Error()
	}
	if strings.Count(text, listedIn) > 1 { // Once is enough.
		text = strings.ReplaceAll(text, listedIn, "") + listedIn
	}
	return text
}

func (e *manyErrors) Unwrap() []error { return e.errs }

// checkAcyclic finds tasks that wait for one another, which is a mistake in this
// package; the tests call it for every inventory.
func checkAcyclic(tasks []task) error {
	after := map[string][]string{}
	for _, t := range tasks {
		if _, twice := after[t.name]; twice {
			return fmt.Errorf("two components are called %q", t.name)
		}
		after[t.name] = t.after
	}
	const visiting, visited = 1, 2
	seen := map[string]int{}
	var visit func(name string) error
	visit = func(name string) error {
		switch seen[name] {
		case visited:
			return nil
		case visiting:
			return errors.New("a component needs itself: " + name)
		}
		seen[name] = visiting
		for _, before := range after[name] {
			if err := visit(before); err != nil {
				return err
			}
		}
		seen[name] = visited
		return nil
	}
	for _, t := range tasks {
		if err := visit(t.name); err != nil {
			return err
		}
	}
	return nil
}
