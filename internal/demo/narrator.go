package main

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// A narrator tells a person what the demo does.
type narrator struct {
	out   io.Writer
	steps int
}

// step begins a new part of the story.
func (n *narrator) step(format string, args ...any) {
	n.steps++
	fmt.Fprintf(n.out, "\n%d. %s\n\n", n.steps, fmt.Sprintf(format, args...))
}

// say tells one thing that happened.
func (n *narrator) say(format string, args ...any) {
	fmt.Fprintf(n.out, "   %s\n", fmt.Sprintf(format, args...))
}

// command shows a command as a person would type it.
func (n *narrator) command(format string, args ...any) {
	n.say("$ "+format, args...)
}

// show prints what a program printed.
func (n *narrator) show(text string) {
	for line := range strings.Lines(strings.Trim(text, "\n")) {
		fmt.Fprintln(n.out, strings.TrimRight("     "+line, " \n"))
	}
}

// A liner shows what a program prints while it does, a line at a time.
type liner struct {
	narrator *narrator
	begun    string // a line whose end is to come
}

func (l *liner) Write(text []byte) (int, error) {
	l.begun += string(text)
	if end := strings.LastIndexByte(l.begun, '\n'); end >= 0 {
		l.narrator.show(l.begun[:end])
		l.begun = l.begun[end+1:]
	}
	return len(text), nil
}

// took tells how long something took since start.
func (n *narrator) took(what string, start time.Time) {
	n.say("%s took %.1f s.", what, time.Since(start).Seconds())
}

// Parts of Terraform's output that are no part of the story: that the provider is
// under development, that states are read, a legend, advice.
var asides = []*regexp.Regexp{
	regexp.MustCompile(`(?s)\n*Warning: Provider development overrides are in effect.*?published\s+releases\.\n`),
	regexp.MustCompile(`(?m)^.*: (Refreshing state\.\.\.|Still (creating|modifying|destroying)\.\.\.|Reading\.\.\.|Read complete).*\n`),
	regexp.MustCompile(`(?s)\n*(Terraform|OpenTofu) used the selected providers.*?indicated with the following\s+symbols:\n(  [^\n]*\n)+`),
	regexp.MustCompile(`(?s)\n*─+\n+Note: You didn't use the -out option.*`),
}

// story returns the part of Terraform's output that is about the stacks.
func story(out string) string {
	for _, aside := range asides {
		out = aside.ReplaceAllString(out, "\n")
	}
	return strings.TrimSpace(out)
}

// lines returns the lines of Terraform's output that match.
func lines(out, pattern string) string {
	return strings.Join(regexp.MustCompile(`(?m)^.*(?:`+pattern+`).*$`).FindAllString(out, -1), "\n")
}
