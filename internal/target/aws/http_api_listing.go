package aws

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
)

// gatewayPage is how many elements to ask API Gateway for at once. Without a number it
// answers with the first page and no token of the next.
const gatewayPage = "500"

// allPages puts together the pages of a listing of API Gateway, for which the SDK has
// no paginators.
func allPages[T any](page func(token *string) (items []T, next *string, err error)) ([]T, error) {
	var all []T
	var token *string
	for {
		items, next, err := page(token)
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
		if aws.ToString(next) == "" {
			return all, nil
		}
		token = next
	}
}

// apiListingAge is how long a listing of APIs is good for stacks that did not change
// theirs in the meantime.
const apiListingAge = 5 * time.Second

// An apiListing finds a stack's HTTP APIs. API Gateway knows APIs by ids of its own
// making, so to find one by its tag all have to be listed; a plan reads many stacks at
// once, which share the listings. The zero value is ready.
type apiListing struct {
	mu sync.Mutex
	// clock counts listings and changes.
	clock int
	last  *apiList
	// changes tell when a stack's APIs changed last, by the clock: it sees no listing
	// that began before.
	changes map[string]int
}

// An apiList is one listing.
type apiList struct {
	began int
	// done is closed when what follows is set.
	done    chan struct{}
	ended   time.Time
	byStack map[string][]types.Api
	err     error
}

// of returns the HTTP APIs that carry the tag of the stack, the oldest first. There is
// one, or none; several if the answer to a create was lost.
func (l *apiListing) of(ctx context.Context, gateway gatewayAPI, stackName string) ([]types.Api, error) {
	for {
		list, mine := l.join(stackName)
		if mine {
			list.byStack, list.err = listAPIs(ctx, gateway)
			list.ended = time.Now()
			close(list.done)
		}
		select {
		case <-list.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if interrupted := errors.Is(list.err, context.Canceled) || errors.Is(list.err, context.DeadlineExceeded); !interrupted || ctx.Err() != nil {
			return list.byStack[stackName], list.err
		}
		// Whoever listed was interrupted, and not this one.
	}
}

// join returns a listing that is good for the stack, running or done, or a new one
// that the caller must do.
func (l *apiListing) join(stackName string) (list *apiList, mine bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clock++
	if l.last != nil && l.last.began > l.changes[stackName] && l.last.fresh() {
		return l.last, false
	}
	l.last = &apiList{began: l.clock, done: make(chan struct{})}
	return l.last, true
}

// fresh tells whether the listing is running, or was successful a moment ago.
func (l *apiList) fresh() bool {
	select {
	case <-l.done:
		return l.err == nil && time.Since(l.ended) < apiListingAge
	default:
		return true
	}
}

// changed says that the stack's APIs are no longer those that were listed.
func (l *apiListing) changed(stackName string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clock++
	if l.changes == nil {
		l.changes = map[string]int{}
	}
	l.changes[stackName] = l.clock
}

// listAPIs returns the HTTP APIs that belong to stacks, by the stacks' names.
func listAPIs(ctx context.Context, gateway gatewayAPI) (map[string][]types.Api, error) {
	all, err := allPages(func(token *string) ([]types.Api, *string, error) {
		out, err := gateway.GetApis(ctx, &apigatewayv2.GetApisInput{MaxResults: aws.String(gatewayPage), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.Items, out.NextToken, nil
	})
	if err != nil {
		return nil, err
	}
	byStack := map[string][]types.Api{}
	for _, a := range all {
		if owner := a.Tags[tagStack]; owner != "" && a.ProtocolType == types.ProtocolTypeHttp {
			byStack[owner] = append(byStack[owner], a)
		}
	}
	for _, apis := range byStack {
		slices.SortFunc(apis, func(a, b types.Api) int {
			return cmp.Or(aws.ToTime(a.CreatedDate).Compare(aws.ToTime(b.CreatedDate)), cmp.Compare(aws.ToString(a.ApiId), aws.ToString(b.ApiId)))
		})
	}
	return byStack, nil
}
