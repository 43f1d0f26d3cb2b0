package invoke

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/sandboxtest"
)

// extend sends a request to the Extensions API.
func (p *process) extend(method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(p.killed, method, extensionPrefix+path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return sandboxtest.Call(p.spec.RuntimeAPI, r)
}

// extended echoes, with an internal extension that takes its time for the first event
// and for each later one.
func extended(first, later time.Duration) program {
	return func(p *process) {
		id := p.extend(http.MethodPost, "register", `{"events":["INVOKE"]}`, "Lambda-Extension-Name", "own").Header().Get(extensionIdentifier)
		go func() {
			p.sleep(first)
			for p.extend(http.MethodGet, "event/next", "", extensionIdentifier, id).Code == http.StatusOK {
				p.sleep(later)
			}
		}()
		echo(p)
	}
}

func TestAnInstanceIsReadyWhenItsExtensionsAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, extended(2*time.Second, time.Second))
		began := time.Now()
		h.must(Request{})
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("the first answer took %v: it did not wait for the extension's start", took)
		}
		again := time.Now()
		h.must(Request{})
		if took := time.Since(again); h.sandbox.started.Load() == 1 && took != time.Second {
			t.Errorf("the second answer took %v: it did not wait for the extension", took)
		}
	})
}

func TestAnExtensionThatTakesTooLongIsTheFunctionsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, extended(0, time.Hour))
		began := time.Now()
		h.must(Request{LogTail: true}) // complete when the extension is done with the event, or killed
		if took := time.Since(began); took < 3*time.Second || took > 6*time.Second {
			t.Errorf("the instance had %v, want its timeout", took)
		}
	})
}

func TestTheExtensionsAPIRefusesWhatItDoesNotKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done := make(chan struct{})
		h := newHouse(t, func(p *process) {
			const unknown = "5c9d9a0e-9b1c-4f53-8a3e-6f6d6c9f0b11"
			name, own := []string{"Lambda-Extension-Name", "other"}, []string{"Lambda-Extension-Name", "own"}
			asking := p.extend(http.MethodPost, "register", `{}`, own...).Header().Get(extensionIdentifier)
			go p.extend(http.MethodGet, "event/next", "", extensionIdentifier, asking)
			synctest.Wait()
			for _, c := range []struct {
				answer        *httptest.ResponseRecorder
				kind, message string
			}{
				{p.extend(http.MethodPost, "register", `{}`), "Extension.InvalidExtensionName", "Empty extension name"},
				{p.extend(http.MethodPost, "register", `{`, name...), "InvalidRequestFormat", "unexpected end of JSON input"},
				{p.extend(http.MethodPost, "register", ``, name...), "InvalidRequestFormat", "unexpected end of JSON input"},
				{
					p.extend(http.MethodPost, "register", `{"configurationKeys":["x"]}`, name...),
					"InvalidRequestFormat", "configurationKeys are deprecated; use environment variables instead",
				},
				{p.extend(http.MethodPost, "register", `{"events":["SHUTDOWN"]}`, name...), "Extension.InvalidEventType", "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"},
				{p.extend(http.MethodPost, "register", `{"events":["OTHER"]}`, name...), "Extension.InvalidEventType", "OTHER: ErrorInvalidEventType"},
				{p.extend(http.MethodGet, "event/next", ""), "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"},
				{p.extend(http.MethodGet, "event/next", "", extensionIdentifier, "x"), "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier"},
				{p.extend(http.MethodGet, "event/next", "", extensionIdentifier, unknown), "Extension.UnknownExtensionIdentifier", "Unknown extension " + unknown},
				{
					p.extend(http.MethodPost, "init/error", "", extensionIdentifier, unknown),
					"Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found",
				},
				{
					p.extend(http.MethodPost, "exit/error", "", extensionIdentifier, unknown, extensionErrorType, "Own.Reason"),
					"Extension.UnknownExtensionIdentifier", "Unknown Lambda-Extension-Identifier",
				},
				{p.extend(http.MethodPost, "register", `{}`, own...), "Extension.InvalidExtensionState", "Extension with this name already registered"},
				{
					p.extend(http.MethodPost, "init/error", "", extensionIdentifier, asking, extensionErrorType, "Own.Reason"), "Extension.InvalidExtensionState",
					"State transition from Ready to InitError failed for extension " + asking + ". Error: State transition is not allowed",
				},
			} {
				want := string(marshal(map[string]string{"errorType": c.kind, "errorMessage": c.message})) + "\n"
				if got := c.answer.Body.String(); c.answer.Code != http.StatusForbidden || got != want {
					t.Errorf("got %d %s, want 403 %s", c.answer.Code, got, want)
				}
			}
			e := p.next()
			if late := p.extend(http.MethodPost, "register", `{}`, name...); !strings.Contains(late.Body.String(), "Extension.RegistrationClosed") {
				t.Errorf("registering late gives %s", late.Body)
			}
			close(done)
			p.respond(e.id, "null")
			p.next()
		})
		h.must(Request{})
		<-done
	})
}
