// Command stack-file answers, line by line, what the Pulumi engine hands a program of a stack file.
//
// It reads one JSON question a line, the file's bytes in base64, and prints one JSON answer a line:
//
//	{"file": "Y29uZmlnOgogIGF3czpyZWdpb246IGV1LXdlc3QtMQo="}
//	{"accepted": true, "config": {"aws:region": {"value": "eu-west-1"}}}
//
// A value is the text that the program gets; "object" says that it is JSON. What is encrypted has no value here.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/pulumi/pulumi/sdk/v3/go/common/encoding"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
)

type question struct {
	File []byte `json:"file"`
}

type value struct {
	Value  string `json:"value"`
	Object bool   `json:"object,omitempty"`
	Secure bool   `json:"secure,omitempty"`
}

type answer struct {
	Accepted bool             `json:"accepted"`
	Error    string           `json:"error,omitempty"`
	Config   map[string]value `json:"config,omitempty"`
}

// Nothing is decrypted: what a secret holds is the engine's own affair.
type closed struct{}

func (closed) DecryptValue(context.Context, string) (string, error) { return "", nil }

func (closed) BatchDecrypt(_ context.Context, texts []string) ([]string, error) {
	return make([]string, len(texts)), nil
}

func read(file []byte) (found answer) {
	defer func() {
		if failure := recover(); failure != nil {
			found = answer{Error: fmt.Sprintf("panic: %v", failure)}
		}
	}()
	project := &workspace.Project{Name: tokens.PackageName("velero-eks")}
	stack, err := workspace.LoadProjectStackBytes(nil, project, file, "Pulumi.shop.yaml", encoding.YAML)
	if err != nil {
		return answer{Error: err.Error()}
	}
	values := map[string]value{}
	for key, each := range stack.Config {
		text, err := each.Value(config.Decrypter(closed{}))
		if err != nil {
			return answer{Error: err.Error()}
		}
		values[key.String()] = value{text, each.Object(), each.Secure()}
	}
	return answer{Accepted: true, Config: values}
}

func main() {
	questions := bufio.NewScanner(os.Stdin)
	questions.Buffer(nil, 8<<20)
	answers := json.NewEncoder(os.Stdout)
	for questions.Scan() {
		var asked question
		if err := json.Unmarshal(questions.Bytes(), &asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		if err := answers.Encode(read(asked.File)); err != nil {
			os.Exit(1)
		}
	}
}
