package aws

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/google/go-cmp/cmp"
)

func TestAPIsAreFoundByTagOnAllPages(t *testing.T) {
	day := func(n int) *time.Time { return aws.Time(time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC)) }
	item := func(id, owner string, created *time.Time, protocol types.ProtocolType) types.Api {
		return types.Api{ApiId: aws.String(id), Name: aws.String("shop"), CreatedDate: created, ProtocolType: protocol, Tags: map[string]string{tagStack: owner}}
	}
	pages := map[string]*apigatewayv2.GetApisOutput{
		"":  {NextToken: aws.String("2"), Items: []types.Api{item("new", "shop", day(3), "HTTP"), item("other", "", day(1), "HTTP"), item("socket", "shop", day(1), "WEBSOCKET")}},
		"2": {Items: []types.Api{item("old-b", "shop", day(2), "HTTP"), item("old-a", "shop", day(2), "HTTP"), item("x", "orders", day(1), "HTTP")}},
	}
	var l apiListing
	found, err := l.of(t.Context(), &fakeGateway{getApis: func(in *apigatewayv2.GetApisInput) (*apigatewayv2.GetApisOutput, error) {
		if aws.ToString(in.MaxResults) == "" {
			t.Error("without a number of results there are no further pages")
		}
		return pages[aws.ToString(in.NextToken)], nil
	}}, "shop")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, a := range found {
		ids = append(ids, *a.ApiId)
	}
	if diff := cmp.Diff([]string{"old-a", "old-b", "new"}, ids); diff != "" {
		t.Errorf("(-want +is):\n%s", diff)
	}
}

// A listing of a hundred stacks' readers.
func TestReadersShareAListingOfAPIs(t *testing.T) {
	var mu sync.Mutex
	listings := 0
	gateway := &fakeGateway{getApis: func(*apigatewayv2.GetApisInput) (*apigatewayv2.GetApisOutput, error) {
		mu.Lock()
		defer mu.Unlock()
		listings++
		return &apigatewayv2.GetApisOutput{}, nil
	}}
	var l apiListing
	read := func(name string) {
		if _, err := l.of(t.Context(), gateway, name); err != nil {
			t.Error(err)
		}
	}
	var readers sync.WaitGroup
	for range 100 {
		readers.Go(func() { read("shop") })
	}
	readers.Wait()
	if listings != 1 {
		t.Errorf("%d listings for readers of one time", listings)
	}
	l.changed("shop")
	read("orders")
	if listings != 1 {
		t.Errorf("a change to one stack's API made another list again")
	}
	read("shop")
	read("shop")
	if listings != 2 {
		t.Errorf("%d listings after a change, want 2", listings)
	}
}

func TestAReaderDoesNotFailSinceTheListingsFirstReaderWasInterrupted(t *testing.T) {
	first, interrupt := context.WithCancel(t.Context())
	began, second := make(chan struct{}), make(chan struct{})
	var once sync.Once
	gateway := &fakeGateway{getApis: func(*apigatewayv2.GetApisInput) (*apigatewayv2.GetApisOutput, error) {
		var err error
		once.Do(func() {
			close(began)
			<-second
			interrupt()
			err = first.Err()
		})
		return &apigatewayv2.GetApisOutput{}, err
	}}
	var l apiListing
	failed := make(chan error)
	go func() {
		_, err := l.of(first, gateway, "shop")
		failed <- err
	}()
	<-began
	waited := make(chan error)
	go func() {
		_, err := l.of(t.Context(), gateway, "orders")
		waited <- err
	}()
	for l.joined() < 2 {
		runtime.Gosched()
	}
	close(second)
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("the interrupted reader got %v", err)
	}
	if err := <-waited; err != nil {
		t.Errorf("the reader that waited got %v", err)
	}
}

// joined is how often somebody asked for a listing, if nothing changed.
func (l *apiListing) joined() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.clock
}
