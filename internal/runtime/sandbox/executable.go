package sandbox

import (
	"bufio"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// explainExecution says, for the one who packaged it, why the program at a
// host's path could not be executed. name is what the function calls it.
func explainExecution(name, path string, cause error) string {
	if reason := whyNotExecutable(path); reason != "" {
		return name + " " + reason
	}
	return fmt.Sprintf("%s could not be executed: %v", name, cause)
}

func whyNotExecutable(path string) string {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "is missing: the package has no such file"
	case err != nil:
		return ""
	case info.IsDir():
		return "is a folder; it must be an executable file"
	case info.Mode()&0o111 == 0:
		return fmt.Sprintf("is not executable (mode %04o); make it so before packaging (chmod +x)", info.Mode().Perm())
	case info.Mode()&0o005 != 0o005:
		return fmt.Sprintf("cannot be read and executed by the function's user (mode %04o); it needs 0755", info.Mode().Perm())
	}
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	start := make([]byte, 4)
	if n, _ := io.ReadFull(file, start); n < 2 {
		return "is empty"
	}
	if start[0] == '#' && start[1] == '!' {
		return whyNotScript(file)
	}
	if string(start) == elf.ELFMAG {
		return whyNotELF(file)
	}
	return "is neither a Linux program nor a script that begins with #!"
}

func whyNotScript(file *os.File) string {
	if _, err := file.Seek(2, io.SeekStart); err != nil {
		return ""
	}
	line, _ := bufio.NewReader(io.LimitReader(file, 4096)).ReadString('\n')
	interpreter, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	if strings.HasSuffix(strings.TrimSuffix(line, "\n"), "\r") {
		return "begins with a line that ends in a carriage return; store it with Unix line ends"
	}
	if _, err := os.Stat(interpreter); err != nil {
		return fmt.Sprintf("asks for the interpreter %q, which is not there", interpreter)
	}
	return ""
}

// machines are the names of ELF's machines as Lambda calls architectures.
var machines = map[elf.Machine]string{elf.EM_X86_64: "x86_64", elf.EM_AARCH64: "arm64"}

var hostMachine = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

func whyNotELF(file *os.File) string {
	program, err := elf.NewFile(file)
	if err != nil {
		return "is a damaged Linux program"
	}
	if host, ok := hostMachine[runtime.GOARCH]; ok && program.Machine != host {
		name := machines[program.Machine]
		if name == "" {
			name = strings.ToLower(strings.TrimPrefix(program.Machine.String(), "EM_"))
		}
		return fmt.Sprintf("is built for %s; this host is %s", name, machines[host])
	}
	for _, part := range program.Progs {
		if part.Type != elf.PT_INTERP || part.Filesz > 4096 {
			continue
		}
		loader := make([]byte, part.Filesz)
		if _, err := part.ReadAt(loader, 0); err != nil {
			return "is a damaged Linux program"
		}
		path := filepath.Clean(strings.TrimRight(string(loader), "\x00"))
		if _, err := os.Stat(path); err != nil {
			return fmt.Sprintf("needs the dynamic loader %s, which is not there; link it statically (for Go: CGO_ENABLED=0)", path)
		}
	}
	return ""
}
