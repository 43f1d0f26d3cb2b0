package hostile

import (
	"strings"
	"time"
)

func answersTwice(s *site) {
	a := s.attack("any", "answer_twice", nil)
	if a.Error != "" || a.Body != `"first"` {
		s.Errorf("who answers twice is heard so: %+v", a)
	}
	if a := s.attack("any", "tmp", nil); a.Error != "" || !strings.HasPrefix(a.Body, "[") {
		s.Errorf("the invocation after has another's answer: %+v", a)
	}
}

// answersForOthers tries while another function waits for its answer.
func answersForOthers(s *site) {
	s.fails("answer_for_others", map[string]any{"requests": []string{
		"8476a536-e9f4-11e8-9739-2dfe598c3fcd", "00000000-0000-0000-0000-000000000000", "next", "../../../../v1/stacks",
	}})
}

func asksForMore(s *site)  { s.fails("ask_for_more", nil) }
func sendsGarbage(s *site) { s.fails("garbage", nil) }

func opensManyConnections(s *site) {
	before := s.resident()
	done := s.during("any", "many_connections", map[string]any{"children": 4})
	if a := done(); a.Body != "[]" {
		s.Errorf("who opens many connections is given %+v", a)
	}
	if now := s.resident(); now > before+64 {
		s.Errorf("the runtime has grown from %d to %d MB", before, now)
	}
}

func answersHugely(s *site) {
	for _, chunked := range []bool{false, true} {
		before := s.resident()
		a := s.attack("any", "huge_answer", map[string]any{"chunked": chunked})
		if a.Error == "" && a.Body != `"and then it returned"` {
			s.Errorf("an answer of a gigabyte gave %d, %d bytes", a.Status, len(a.Body))
		}
		if now := s.resident(); now > before+128 {
			s.Errorf("the runtime has grown from %d to %d MB", before, now)
		}
	}
}

// answersByteByByte may do so, and no more comes of it than of any answer. It is taken at 64,000
// chunks a second, so that one of 6 MB would run into the function's timeout.
func answersByteByByte(s *site) {
	const size = 1 << 19
	before := s.resident()
	done := s.during("any", "byte_by_byte", map[string]any{"bytes": size})
	if a := done(); a.Error != "" || len(a.Body) != size+len(`""`) {
		s.Errorf("an answer byte by byte gave %d %s, %d bytes", a.Status, a.Error, len(a.Body))
	}
	if now := s.resident(); now > before+64 {
		s.Errorf("the runtime has grown from %d to %d MB", before, now)
	}
}

// beginsLargely begins on all its connections what takes much memory, and ends nothing.
func beginsLargely(s *site) {
	for _, attack := range []string{"large_heads", "large_registrations"} {
		before := s.resident()
		if a := s.attack("any", attack, nil); a.Error != "" {
			s.Errorf("%s gave %+v", attack, a)
		}
		if now := s.resident(); now > before+48 {
			s.Errorf("%s: the runtime has grown from %d to %d MB", attack, before, now)
		}
	}
}

// wastesTheRuntime has the runtime do in vain what costs the attacker next to nothing.
func wastesTheRuntime(s *site) {
	for _, attack := range []string{"refused_requests", "same_event", "short_connections", "broken_answers"} {
		s.floods(attack, 2, 64)
		if attack == "same_event" {
			// What it asked for last may be answered when it has ended, to the cost of
			// its own instance's next request.
			if a := s.attack("any", "end", nil); a.Error == "" {
				s.Errorf("who ends itself gave %+v", a)
			}
		}
	}
}

func neverAnswers(s *site) {
	a := s.attack("hasty", "never", nil)
	if a.Error == "" || !strings.Contains(a.Body, "timed out") {
		s.Errorf("who never answers gave %+v", a)
	}
	if a := s.attack("hasty", "tmp", nil); a.Body != "[]" {
		s.Errorf("the invocation after gave %+v", a)
	}
}

func forks(s *site) {
	done := s.during("hasty", "fork_bomb", map[string]any{"seconds": 1.5})
	if a := done(); a.Error == "" {
		s.Errorf("a fork bomb gave %+v", a)
	}
}

func takesAllMemory(s *site) {
	done := s.during("small", "memory_bomb", nil)
	if a := done(); a.Error == "" || !strings.Contains(a.Body, "OutOfMemory") {
		s.Errorf("a memory bomb gave %+v", a)
	}
}

func fillsTheDisk(s *site) {
	done := s.during("any", "fill_disk", map[string]any{"seconds": 2})
	if a := done(); a.Error != "" {
		s.Errorf("filling /tmp gave %+v", a)
	}
	if a := s.attack("any", "become", nil); a.Error != "" {
		s.Errorf("with a full /tmp: %+v", a)
	}
}

func floodsTheLog(s *site) {
	for _, attack := range []string{"flood", "empty_lines"} {
		s.floods(attack, 3, 192)
	}
}

func floodsTheNetwork(s *site) {
	for _, attack := range []string{"packets", "refused_connections"} {
		s.floods(attack, 2, 64)
	}
}

func spinsAndCalls(s *site) {
	for _, attack := range []string{"spin", "threads", "calls"} {
		s.floods(attack, 2, 64)
	}
}

// floods has the attack go on for some seconds, after which the runtime may have had so
// many MB more of memory.
func (s *site) floods(attack string, seconds, megabytes int) {
	s.Helper()
	before := s.resident()
	done := s.during("any", attack, map[string]any{"seconds": seconds})
	if a := done(); a.Error != "" {
		s.Errorf("%s gave %+v", attack, a)
	}
	if now := s.resident(); now > before+megabytes {
		s.Errorf("%s: the runtime has grown from %d to %d MB", attack, before, now)
	}
}

// during has the neighbour invoked at a steady rate all the time that an attack takes,
// without a failure.
func (s *site) during(who, attack string, told map[string]any) (done func() Answer) {
	s.Helper()
	ended := make(chan Answer, 1)
	go func() {
		a, err := s.Attack(s.Context(), who, attack, told)
		if err != nil {
			s.Errorf("%s: %v", attack, err)
		}
		ended <- a
	}()
	return func() Answer {
		s.Helper()
		tick := time.NewTicker(time.Second / neighbourRate)
		defer tick.Stop()
		for n := 1; ; n++ {
			s.goesOn(attack)
			select {
			case a := <-ended:
				s.goesOn(attack)
				s.Logf("the neighbour answered %d times while %s went on", n, attack)
				return a
			case <-tick.C:
			}
		}
	}
}
