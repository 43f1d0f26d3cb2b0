package invoke

import (
	"io"
)

const (
	// prompt is how many bytes of a body are made room for before they arrive.
	prompt = 64 << 10
	// little is the same if nobody knows how long it will be: aws-lambda-go
	// sends chunks, however short its answer.
	little = 512
)

// readAnswer is readBody for answers, of which an instance has one at a time.
func readAnswer(from io.Reader, length int64) ([]byte, *apiError) {
	return readBody(from, length, maxAnswer)
}

// readBody reads a body of at most limit bytes, whose length is -1 if only its end will
// tell. Memory is taken once something has arrived, and then for all that is announced.
// With an error comes what was read.
func readBody(from io.Reader, length int64, limit int) ([]byte, *apiError) {
	if length > int64(limit) {
		return nil, errEntityTooLarge
	}
	room := little
	if length >= 0 {
		room = int(min(length, prompt))
	}
	body := make([]byte, 0, room)
	for int64(len(body)) != length {
		if len(body) == cap(body) {
			body = grown(body, length, limit)
		}
		n, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case len(body) > limit:
			return body, errEntityTooLarge
		case err == io.EOF && length < 0:
			return body, nil
		case err != nil:
			return body, errTruncated
		}
	}
	return body, nil
}

// grown returns what was read with room for the rest, or for four times as much.
func grown(body []byte, length int64, limit int) []byte {
	room := int(length)
	if length < 0 {
		room = min(4*len(body), limit+1)
	}
	return append(make([]byte, 0, room), body...)
}
