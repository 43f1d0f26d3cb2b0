package aws

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
)

// The journal of a stack's releases is in two streams of its marker's log group. Into
// the first goes each change of a release, whole and before it is made: which of them
// took place, the aliases tell (see note). Into the second goes, every few seconds, that
// a driver lives, and what it sees.
const (
	streamReleases = "releases"
	streamDrivers  = "drivers"
)

// An entry of the journal is a release after a change.
type entry struct {
	Release release.Release `json:"release"`
	// Wants is the digest of the stack that the release makes.
	Wants string `json:"wants"`
}

// maxEntry is how many bytes of an entry are surely taken: CloudWatch Logs' limit is 256
// KB, or more. A trail that is longer keeps its first and its last marks.
const maxEntry, firstMarks, lastMarks, maxWhat = 200_000, 4, 20, 4000

func newEntry(r release.Release, wants string) entry {
	e := entry{r, wants}
	text, err := json.Marshal(e)
	if err != nil || len(text) <= maxEntry {
		return e
	}
	trail := slices.Clone(r.Trail)
	if len(trail) > firstMarks+lastMarks {
		trail = slices.Concat(trail[:firstMarks], trail[len(trail)-lastMarks:])
	}
	for n := range trail {
		trail[n].What = oneLine(trail[n].What, maxWhat)
	}
	e.Release.Trail = trail
	return e
}

// A beat says that a driver was alive.
type beat struct {
	ID     string    `json:"id"`
	Began  time.Time `json:"began"`
	Driver string    `json:"driver"`
	At     time.Time `json:"at"`
	// Left tells that the driver has gone and the release waits for another.
	Left bool          `json:"left,omitempty"`
	Seen *release.Seen `json:"seen,omitempty"`
}

// write adds a line to a stream of the marker, which is made if need be.
func (i *inventory) write(ctx context.Context, stream string, line any) error {
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	group := aws.String(markerGroup(i.name))
	put := func(ctx context.Context) error {
		out, err := i.logs.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{
			LogGroupName: group, LogStreamName: &stream,
			LogEvents: []types.InputLogEvent{{Timestamp: aws.Int64(time.Now().UnixMilli()), Message: aws.String(string(text))}},
		})
		if err == nil && out.RejectedLogEventsInfo != nil {
			// The request itself is signed with a time that the SDK has corrected.
			return errors.New("CloudWatch Logs refuses the line because of its time; set the clock of this machine")
		}
		return err
	}
	if err = put(ctx); !missing(err) {
		return err
	}
	if _, err = i.logs.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: group, LogStreamName: &stream}); err != nil && !hasCode(err, "ResourceAlreadyExistsException") {
		return err
	}
	return i.pace.retry(ctx, missing, put)
}

// lines of a stream, newest first, are given to see until it wants no more. There are
// none in a stream that does not exist.
func (s *session) lines(ctx context.Context, stack, stream string, pageSize int32, see func(line string) (more bool)) error {
	input := &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: aws.String(markerGroup(stack)), LogStreamName: &stream, Limit: aws.Int32(pageSize), StartFromHead: aws.Bool(false),
	}
	for {
		out, err := s.logs.GetLogEvents(ctx, input)
		if missing(err) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, event := range slices.Backward(out.Events) {
			if !see(aws.ToString(event.Message)) {
				return nil
			}
		}
		// The token of an end that was reached stays the same. A page may be empty before.
		token := aws.ToString(out.NextBackwardToken)
		if token == "" || token == aws.ToString(input.NextToken) {
			return nil
		}
		input.NextToken = &token
	}
}

// entries of the journal, newest first, are given to see until it wants no more.
func (s *session) entries(ctx context.Context, stack string, see func(e entry) (more bool)) error {
	const page = 100
	return s.lines(ctx, stack, streamReleases, page, func(line string) bool {
		var e entry
		if json.Unmarshal([]byte(line), &e) != nil || e.Release.ID == "" {
			return true // Somebody else wrote it.
		}
		return see(e)
	})
}

// find returns the entry of the release as the note says that it is; nil if the journal
// does not know it.
func (i *inventory) find(ctx context.Context, n *note) (*entry, error) {
	// Whose clock is ahead has written lines of an older release that look newer.
	const enough = 50
	var found *entry
	older := 0
	err := i.entries(ctx, i.name, func(e entry) bool {
		if n.at(e.Release) {
			found = &e
		}
		if e.Release.Began.Before(n.began) {
			older++
		}
		return found == nil && older < enough
	})
	return found, err
}

// lastBeat of the driver that a note names; the zero value if there was none.
func (i *inventory) lastBeat(ctx context.Context, n *note) (beat, error) {
	const few = 5
	var last beat
	looked := 0
	err := i.lines(ctx, i.name, streamDrivers, few, func(line string) bool {
		var b beat
		looked++
		if json.Unmarshal([]byte(line), &b) == nil && b.ID == n.id && b.Began.Equal(n.began) && b.Driver == n.driver {
			last = b
			return false
		}
		return looked < few
	})
	return last, err
}

// differs tells whether a note, which may be nil, says that a release stands elsewhere.
func (n *note) differs(r release.Release) bool { return n == nil || !n.at(r) }

// maxReleases is how many releases that have ended are told of.
const maxReleases = 20

// history returns the releases that the journal knows, newest first, each as it was
// last. What was written down and did not take place is left out as far as now, the note
// of the newest release, tells; it may be nil.
func (s *session) history(ctx context.Context, stack string, now *note) ([]release.Release, error) {
	var all []release.Release
	err := s.entries(ctx, stack, func(e entry) bool {
		known := slices.IndexFunc(all, func(r release.Release) bool { return r.ID == e.Release.ID && r.Began.Equal(e.Release.Began) })
		switch {
		case known >= 0 && now.differs(all[known]) && (now.at(e.Release) || len(e.Release.Trail) > len(all[known].Trail)):
			// Whose clock is behind writes lines that look older than they are.
			all[known] = e.Release
		case known < 0:
			all = append(all, e.Release)
		}
		return len(all) <= maxReleases
	})
	return begunOnly(all, now), err
}

// begunOnly leaves out releases that were written down and never took place, as far as
// now, the note of the last one, and their successors tell: they began after it, or have
// not ended although another has begun since, or have moved what the next one moved again.
func begunOnly(all []release.Release, now *note) []release.Release {
	var took []release.Release
	for _, r := range all {
		last := now != nil && r.ID == now.id && r.Began.Equal(now.began)
		switch {
		case now != nil && !last && (!r.Ended() || r.Began.After(now.began)):
		case len(took) > 0 && r.Phase == release.Finished && r.ID == took[len(took)-1].ID && reflect.DeepEqual(r.Moves, took[len(took)-1].Moves):
		default:
			took = append(took, r)
		}
	}
	return took
}
