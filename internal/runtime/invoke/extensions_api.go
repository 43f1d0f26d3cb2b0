package invoke

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/rawhttp"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// extensionPrefix begins every path of the Extensions API.
const extensionPrefix = "/2020-01-01/extension/"

const (
	extensionIdentifier = "Lambda-Extension-Identifier"
	extensionErrorType  = "Lambda-Extension-Function-Error-Type"
)

// maxRegistration is the most bytes of a request's body.
const maxRegistration = 64 << 10

func init() {
	runtimeAPI.Handle(http.MethodPost, extensionPrefix+"register", (*instance).serveRegister)
	runtimeAPI.Handle(http.MethodGet, extensionPrefix+"event/next", (*instance).serveExtensionNext)
	runtimeAPI.Handle(http.MethodPost, extensionPrefix+"init/error", (*instance).serveExtensionInitError)
	runtimeAPI.Handle(http.MethodPost, extensionPrefix+"exit/error", (*instance).serveExtensionExitError)
}

// refused is an error of the Extensions API, in the words of
// aws-lambda-runtime-interface-emulator.
func refused(status int, kind, message string) *apiError { return &apiError{status, kind, message} }

// notAllowed refuses what an extension must not do in its state.
func (e *extension) notAllowed(to, whom string) *apiError {
	return refused(http.StatusForbidden, "Extension.InvalidExtensionState", fmt.Sprintf(
		"State transition from %s to %s failed for extension %s. Error: State transition is not allowed", e.state(), to, whom))
}

// state is the emulator's name for what the extension does.
func (e *extension) state() string {
	switch {
	case !e.greeted:
		return extensionRegistered
	case e.poll != nil:
		return extensionReady
	}
	return "Running"
}

const (
	extensionRegistered = "Registered"
	extensionReady      = "Ready"
)

// A registration is what an extension asks for. Configuration keys are a thing of the
// past, which the API refuses.
type registration struct {
	Events            []string `json:"events"`
	ConfigurationKeys []string `json:"configurationKeys"`
}

// serveRegister makes an extension known.
func (i *instance) serveRegister(r *rawhttp.Request) {
	name := r.Header("Lambda-Extension-Name")
	body, err := readSmall(r)
	switch {
	case err != nil:
		err.reply(r)
		return
	case name == "":
		refused(http.StatusForbidden, "Extension.InvalidExtensionName", "Empty extension name").reply(r)
		return
	}
	var wanted registration
	malformed := json.Unmarshal(body, &wanted)
	if malformed == nil && len(wanted.ConfigurationKeys) > 0 {
		malformed = errors.New("configurationKeys are deprecated; use environment variables instead")
	}
	if malformed != nil {
		refused(http.StatusForbidden, "InvalidRequestFormat", malformed.Error()).reply(r)
		return
	}
	e, err := i.register(name, wanted.Events)
	if err != nil {
		err.reply(r)
		return
	}
	answer := map[string]string{"functionName": i.subject.name, "functionVersion": i.subject.version, "handler": i.subject.handler}
	for feature := range strings.SplitSeq(r.Header("Lambda-Extension-Accept-Feature"), ",") {
		if strings.TrimSpace(feature) == "accountId" {
			answer["accountId"] = stack.Account
		}
	}
	_ = r.Reply(rawhttp.Answer{Status: http.StatusOK, Body: marshal(answer), Header: append(slices.Clone(jsonHeader),
		rawhttp.Field{Name: extensionIdentifier, Value: e.id})})
}

// A subject is the function as extensions are told of it.
type subject struct{ name, version, handler string }

// register adds an extension, or says why not.
func (i *instance) register(name string, events []string) (*extension, *apiError) {
	i.mu.Lock()
	initialises := i.phase == initialising
	i.mu.Unlock()
	x := &i.extensions
	x.mu.Lock()
	defer x.mu.Unlock()
	e := &extension{name: name, id: uuid.NewString(), external: slices.Contains(x.external, name)}
	for _, event := range events {
		switch {
		case event == extensionInvoke:
			e.invoke = true
		case event == extensionShutdown && e.external:
			e.shutdown = true
		case event == extensionShutdown:
			return nil, invalidEvent(event, "ShutdownEventNotSupportedForInternalExtension")
		default:
			return nil, invalidEvent(event, "ErrorInvalidEventType")
		}
	}
	before := slices.IndexFunc(x.list, func(other *extension) bool { return other.name == name })
	switch {
	case before >= 0 && e.external:
		return nil, x.list[before].notAllowed(extensionRegistered, name)
	case !initialises:
		return nil, refused(http.StatusForbidden, "Extension.RegistrationClosed", "Extension registration closed already")
	case before < 0 && !e.external && len(x.list)+len(x.expected) >= maxExtensions:
		return nil, refused(http.StatusForbidden, "Extension.TooManyExtensions", fmt.Sprintf("Extension limit (%d) reached", maxExtensions))
	case before >= 0:
		return nil, refused(http.StatusForbidden, "Extension.InvalidExtensionState", "Extension with this name already registered")
	}
	x.any.Store(true)
	x.list = append(x.list, e)
	x.expected = slices.DeleteFunc(x.expected, func(expected string) bool { return expected == name })
	x.wake()
	return e, nil
}

func invalidEvent(event, reason string) *apiError {
	return refused(http.StatusForbidden, "Extension.InvalidEventType", event+": "+reason)
}

// serveExtensionNext answers when there is an event for the extension.
func (i *instance) serveExtensionNext(r *rawhttp.Request) {
	x := &i.extensions
	id, err := identifier(r)
	if err != nil {
		err.reply(r)
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	e, err := x.identify(id)
	switch {
	case err != nil:
		err.reply(r)
	case x.over != nil && e.shutdown:
		_ = r.Reply(eventAnswer(x.over))
	default:
		if e.poll != nil { // its connection broke
			e.poll.Drop()
		} else if !e.greeted {
			e.greeted = true
			i.tell("extension", map[string]any{"name": e.name, "state": extensionReady, "events": e.events()})
			if i.out != nil {
				go i.out.aside("EXTENSION\tName: " + e.name + "\tState: " + extensionReady + "\tEvents: [" + strings.Join(e.events(), ", ") + "]")
			}
		}
		e.poll = r.Later()
		x.wake()
	}
}

// events are the names of those that it registered for.
func (e *extension) events() []string {
	names := []string{}
	if e.invoke {
		names = append(names, extensionInvoke)
	}
	if e.shutdown {
		names = append(names, extensionShutdown)
	}
	return names
}

// identifier is the one that a request names itself with.
func identifier(r *rawhttp.Request) (string, *apiError) {
	id := r.Header(extensionIdentifier)
	if id == "" {
		return "", refused(http.StatusForbidden, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
	}
	parsed, err := uuid.Parse(id)
	if err != nil {
		return "", refused(http.StatusForbidden, "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")
	}
	return parsed.String(), nil
}

// identify finds the extension that a request is of. mu is held.
func (x *extensions) identify(id string) (*extension, *apiError) {
	if e := x.find(id); e != nil {
		return e, nil
	}
	return nil, refused(http.StatusForbidden, "Extension.UnknownExtensionIdentifier", "Unknown extension "+id)
}

func (i *instance) serveExtensionInitError(r *rawhttp.Request) {
	i.serveExtensionError(r, errorExtensionInit)
}

func (i *instance) serveExtensionExitError(r *rawhttp.Request) {
	i.serveExtensionError(r, errorExtensionExit)
}

// serveExtensionError ends the instance, by an extension's wish.
func (i *instance) serveExtensionError(r *rawhttp.Request, kind string) {
	body, err := readSmall(r)
	if err != nil {
		err.reply(r)
		return
	}
	id, err := identifier(r)
	named := r.Header(extensionErrorType)
	switch {
	case err != nil:
		err.reply(r)
		return
	case named == "":
		refused(http.StatusForbidden, "Extension.MissingHeader", extensionErrorType+" not found").reply(r)
		return
	}
	e, err := i.extensions.failing(id, kind)
	if err != nil {
		err.reply(r)
		return
	}
	accepted(r, nil)
	message := "extension " + e.name + ": " + named
	var said struct{ ErrorMessage string }
	if json.Unmarshal(body, &said) == nil && said.ErrorMessage != "" {
		message += ": " + said.ErrorMessage
	}
	i.crash(functionError{Type: kind, Message: message})
}

// failing finds the extension that reports an error, if it may: one of its start comes
// before it asks for events.
func (x *extensions) failing(id, kind string) (*extension, *apiError) {
	x.mu.Lock()
	defer x.mu.Unlock()
	e := x.find(id)
	switch {
	case e == nil:
		return nil, refused(http.StatusForbidden, "Extension.UnknownExtensionIdentifier", "Unknown "+extensionIdentifier)
	case kind == errorExtensionInit && e.greeted:
		return nil, e.notAllowed("InitError", id)
	}
	return e, nil
}

// readSmall reads a body of at most maxRegistration bytes.
func readSmall(r *rawhttp.Request) ([]byte, *apiError) {
	return readBody(r.Body(), r.ContentLength(), maxRegistration)
}
