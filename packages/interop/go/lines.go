package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"

	"go-micro.dev/v4/errors"
)

// lines writes one JSON value per line; any goroutine may.
type lines struct {
	mu  sync.Mutex
	enc *json.Encoder
}

func newLines(w io.Writer) *lines {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return &lines{enc: enc}
}

func (l *lines) emit(value any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.enc.Encode(value); err != nil {
		// The reader is gone, so nobody is left to work for.
		os.Exit(1)
	}
}

// eachLine calls back with every line of stdin and returns when there are no more.
func eachLine(handle func(line []byte)) error {
	in := bufio.NewReaderSize(os.Stdin, 1<<16)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 1 {
			handle(line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// answerLines runs the command in each line of stdin, one after the other, and answers it under its id.
func answerLines[C any](out *lines, run func(cmd C) (any, error)) error {
	return eachLine(func(line []byte) { answerLine(out, line, run) })
}

func answerLine[C any](out *lines, line []byte, run func(cmd C) (any, error)) {
	var asked struct {
		Id string `json:"id"`
	}
	var cmd C
	err := json.Unmarshal(line, &asked)
	if err == nil {
		err = json.Unmarshal(line, &cmd)
	}
	var result any
	if err == nil {
		result, err = run(cmd)
	}
	if err != nil {
		out.emit(map[string]any{"id": asked.Id, "done": true, "error": newFailure(err)})
		return
	}
	out.emit(map[string]any{"id": asked.Id, "done": true, "result": result})
}

// pairs is a flag that may be given several times as key=value.
type pairs map[string]string

func (p pairs) String() string { return fmt.Sprint(map[string]string(p)) }

func (p pairs) Set(text string) error {
	for i := range text {
		if text[i] == '=' {
			p[text[:i]] = text[i+1:]
			return nil
		}
	}
	return fmt.Errorf("%q is not key=value", text)
}

// failure is how an error appears on stdout: as it is, and as go-micro's errors.Parse reads it.
type failure struct {
	Text   string `json:"text"`
	Id     string `json:"id"`
	Code   int32  `json:"code"`
	Detail string `json:"detail"`
	Status string `json:"status"`
}

func newFailure(err error) *failure {
	parsed := errors.FromError(err)
	return &failure{Text: err.Error(), Id: parsed.Id, Code: parsed.Code, Detail: parsed.Detail, Status: parsed.Status}
}
