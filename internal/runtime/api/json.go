package api

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// maxBody is the most bytes of a JSON body.
const maxBody = 2 << 20

// bodyTimeout is how long a client may take to send a JSON body.
const bodyTimeout = 30 * time.Second

// JSON is the body of a request; an input that embeds it is read strictly
// before its handler runs. Huma's own reading is not used: it does not know the
// model's defaults, and repeats in its errors what it was sent. (It is exported
// because huma finds it by reflection.)
type JSON[T any] struct {
	value T
}

var _ huma.Resolver = (*JSON[struct{}])(nil)

// Resolve reads the body.
func (b *JSON[T]) Resolve(ctx huma.Context) []error {
	r, w := humago.Unwrap(ctx)
	if err := readJSON(w, r, &b.value); err != nil {
		return []error{err}
	}
	return nil
}

// describeBody tells the OpenAPI document what the PUT, or else POST, of a path takes.
// Told while registering, huma would read the body itself.
func describeBody[T any](api huma.API, path string) {
	schema := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, "")
	item := api.OpenAPI().Paths[path]
	operation := item.Put
	if operation == nil {
		operation = item.Post
	}
	operation.RequestBody = &huma.RequestBody{
		Required: true,
		Content:  map[string]*huma.MediaType{"application/json": {Schema: schema}},
	}
}

// readJSON decodes a request's body, which must be one JSON value that has
// nothing the type does not know. Its errors are *Problem.
func readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	limitReading(w, r, bodyTimeout)
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return problem(http.StatusRequestEntityTooLarge, "the body is larger than %d MB", maxBody>>20)
	case err != nil:
		return problem(http.StatusBadRequest, "the body ended before it was complete")
	}
	return decodeJSON(text, into)
}

// limitReading bounds how long the client may take to send the body. Once a body
// was read to its end, net/http lifts the deadline by itself; without a body there
// is nothing to lift it, and it would cut off the connection of a long request.
func limitReading(w http.ResponseWriter, r *http.Request, d time.Duration) {
	if r.ContentLength != 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(d))
	}
}

// decodeJSON decodes one JSON value strictly. Its errors are *Problem.
func decodeJSON(text []byte, into any) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return problem(http.StatusBadRequest, "the body is empty; send JSON")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return problem(http.StatusBadRequest, "the body is not valid JSON: %s", syntaxError(text, err))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return problem(http.StatusBadRequest, "the body has something after its JSON value; send one value")
	}
	var items []ProblemItem
	checkShape(tree, reflect.TypeOf(into).Elem(), "", &items)
	if len(items) > 0 {
		return withItems(http.StatusUnprocessableEntity, "the body was not understood", items)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return problem(http.StatusUnprocessableEntity, "the body was not understood: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// syntaxError says what is wrong and where.
func syntaxError(text []byte, err error) string {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return "it ends too early"
	}
	before := text[:min(int(syntax.Offset), len(text))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := len(before) - (bytes.LastIndexByte(before, '\n') + 1)
	return fmt.Sprintf("%s, at line %d, column %d", syntax, line, column)
}

var (
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	timeType        = reflect.TypeFor[time.Time]()
)

// checkShape compares a JSON value with the type it will be decoded into, and
// notes what does not fit: encoding/json itself stops at the first, names Go's
// types, matches names in any case, and lets unknown fields pass below a type
// that decodes itself. The types here decode themselves only to begin with
// defaults, so that their fields still say what is allowed.
func checkShape(value any, t reflect.Type, path string, items *[]ProblemItem) {
	report := func(format string, args ...any) {
		*items = append(*items, ProblemItem{Message: fmt.Sprintf(format, args...), Location: path})
	}
	if value == nil {
		return // null leaves a field at its default, as encoding/json has it.
	}
	if t.Kind() == reflect.Pointer {
		checkShape(value, t.Elem(), path, items)
		return
	}
	if reflect.PointerTo(t).Implements(textUnmarshaler) {
		text, ok := value.(string)
		if !ok {
			report("must be a string, not %s", kindOf(value))
		} else if t == timeType {
			if _, err := time.Parse(time.RFC3339, text); err != nil {
				report("must be a time such as \"2026-01-31T12:00:00Z\"")
			}
		} else if err := reflect.New(t).Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
			report("%s", err)
		}
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		object, ok := value.(map[string]any)
		if !ok {
			report("must be an object, not %s", kindOf(value))
			return
		}
		fields := jsonFields(t)
		for _, name := range slices.Sorted(maps.Keys(object)) {
			if field, ok := fields[name]; ok {
				checkShape(object[name], field, join(path, name), items)
				continue
			}
			*items = append(*items, ProblemItem{
				Message:  "there is no such field; there is " + strings.Join(slices.Sorted(maps.Keys(fields)), ", "),
				Location: join(path, name),
			})
		}
	case reflect.Map:
		object, ok := value.(map[string]any)
		if !ok {
			report("must be an object, not %s", kindOf(value))
			return
		}
		for _, name := range slices.Sorted(maps.Keys(object)) {
			if _, err := strconv.Atoi(name); err != nil && t.Key().Kind() == reflect.Int {
				report("has the key %q; keys are whole numbers", name)
				continue
			}
			checkShape(object[name], t.Elem(), path+"["+strconv.Quote(name)+"]", items)
		}
	case reflect.Slice:
		list, ok := value.([]any)
		if !ok {
			report("must be a list, not %s", kindOf(value))
			return
		}
		for i, element := range list {
			checkShape(element, t.Elem(), fmt.Sprintf("%s[%d]", path, i), items)
		}
	case reflect.String:
		if _, ok := value.(string); !ok {
			report("must be a string, not %s", kindOf(value))
		}
	case reflect.Bool:
		if _, ok := value.(bool); !ok {
			report("must be true or false, not %s", kindOf(value))
		}
	case reflect.Int, reflect.Int64:
		if number, ok := value.(json.Number); !ok {
			report("must be a whole number, not %s", kindOf(value))
		} else if _, err := strconv.ParseInt(number.String(), 10, t.Bits()); err != nil {
			report("must be a whole number, not %s", number)
		}
	case reflect.Float64:
		if _, ok := value.(json.Number); !ok {
			report("must be a number, not %s", kindOf(value))
		}
	}
}

// jsonFields returns a struct's fields by their JSON names, embedded ones too.
func jsonFields(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || !f.IsExported() || name == "-" {
			continue
		}
		fields[name] = f.Type
	}
	return fields
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// kindOf names a JSON value's kind, never the value.
func kindOf(value any) string {
	switch value.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case string:
		return "a string"
	case bool:
		return "a boolean"
	}
	return "a number"
}
