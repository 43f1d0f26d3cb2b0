package aws

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// TestTheQuickstartRunsOnAWSAsItIs has functions in three languages, one of which puts
// messages on a queue and one of which calls the API.
func TestTheQuickstartRunsOnAWSAsItIs(t *testing.T) {
	t.Parallel()
	root, err := harness.Root()
	if err != nil {
		t.Fatal(err)
	}
	w := byEnvironment(t, folder(t, filepath.Join(root, "examples", "quickstart")))
	due := time.Now().UTC().Add(5 * time.Second)
	w.Write("due.auto.tfvars", fmt.Sprintf("report_schedule = %q", due.Format("at(2006-01-02T15:04:05)")))
	w.Apply()
	url := output[string](t, w.Workspace, "url")
	logs := func(function, text string) {
		t.Helper()
		eventually(t, fmt.Sprintf("%q in the log of %s", text, function), func() bool {
			return strings.Contains(strings.Join(w.printed(function), "\n"), text)
		})
	}

	is := request(t, http.MethodPost, url+"/orders", `{"item":"tea","quantity":2}`)
	if is.Status != http.StatusAccepted {
		t.Fatalf("an order is answered %v", is)
	}
	logs("orders-fulfil", fmt.Sprintf("fulfilled order %s: 2 tea for 6 euros", decode(t, is.Body)["id"]))
	answers(t, request(t, http.MethodPost, url+"/orders", `{"item":"beer"}`), http.StatusUnprocessableEntity,
		`{"message":"There is no \"beer\" on the menu."}`)
	logs("report-report", fmt.Sprintf("the shop at %s is open, with 3 things on the menu", url))
	w.EmptyPlan()
	w.Destroy()
	w.NothingLeft()
}
