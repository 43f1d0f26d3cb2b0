package hostile

import (
	"strings"
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
	before := s.resident()
	done := s.during("any", "flood", map[string]any{"seconds": 3})
	if a := done(); a.Error != "" {
		s.Errorf("a flood of logs gave %+v", a)
	}
	if now := s.resident(); now > before+192 {
		s.Errorf("the runtime has grown from %d to %d MB", before, now)
	}
}

func spinsAndCalls(s *site) {
	for _, attack := range []string{"spin", "calls"} {
		done := s.during("any", attack, map[string]any{"seconds": 2})
		if a := done(); a.Error != "" {
			s.Errorf("%s gave %+v", attack, a)
		}
	}
}

// during has the neighbour invoked all the time that an attack takes, without a failure.
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
		for n := 0; ; n++ {
			select {
			case a := <-ended:
				s.goesOn(attack)
				s.Logf("the neighbour answered %d times while %s went on", n, attack)
				return a
			default:
				s.goesOn(attack)
			}
		}
	}
}
