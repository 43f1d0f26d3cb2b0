package pack

import "testing"

func TestTheHandlerIsInThePackage(t *testing.T) {
	tests := []struct {
		name, runtime, handler string
		code                   files
		// want is what the error says; nothing if the handler is there.
		want string
	}{
		{"node, CommonJS", "nodejs22.x", "app.handler", files{"app.cjs": ""}, ""},
		{"node, a module in a folder", "nodejs22.x", "src/app.handler", files{"src/app.mjs": ""}, ""},
		{"node, an export within an export", "nodejs22.x", "app.api.get", files{"app.js": ""}, ""},
		{"node, a path with a dot", "nodejs22.x", "./src/app.handler", files{"src/app.js": ""}, ""},
		{"node, an installed package", "nodejs22.x", "wrapper.handler", files{"node_modules/wrapper/package.json": ""}, ""},
		{"node, missing", "nodejs22.x", "app.handler", files{"index.js": ""}, `the handler "app.handler" of nodejs22.x needs app.js, app.mjs or app.cjs, which the package does not have`},
		{"node, in another folder", "nodejs22.x", "app.handler", files{"src/app.js": ""}, "needs app.js"},
		{"node, not compiled", "nodejs22.x", "src/app.handler", files{"src/app.ts": ""}, "there is src/app.ts, which build can compile"},
		{"node, elsewhere on the machine", "nodejs22.x", "/var/app.handler", files{"x": ""}, ""},

		{"python", "python3.13", "app.handler", files{"app.py": ""}, ""},
		{"python, a folder", "python3.13", "src/app.handler", files{"src/app.py": ""}, ""},
		{"python, a package", "python3.13", "src.app.handler", files{"src/app/__init__.py": ""}, ""},
		{"python, compiled", "python3.13", "app.handler", files{"app.cpython-313-x86_64-linux-gnu.so": ""}, ""},
		{"python, bytecode", "python3.13", "app.handler", files{"app.pyc": ""}, ""},
		{"python, missing", "python3.13", "app.handler", files{"main.py": ""}, `needs app.py or app/__init__.py, which the package does not have`},

		{"provided", "provided.al2023", "bootstrap", files{"bootstrap*": ""}, ""},
		{"provided, whatever the handler", "provided", "anything", files{"bootstrap*": ""}, ""},
		{"provided, missing", "provided.al2023", "bootstrap", files{"main*": ""}, "provided.al2023 needs an executable named bootstrap"},
		{"provided, not executable", "provided.al2023", "bootstrap", files{"bootstrap": ""}, "bootstrap is not executable, and provided.al2023 starts it"},

		{"java, a class", "java21", "example.Handler::handleRequest", files{"example/Handler.class": ""}, ""},
		{"java, a jar", "java21", "example.Handler", files{"lib/app.jar": ""}, ""},
		{"java, missing", "java21", "example.Handler", files{"example/Other.class": ""}, "needs example/Handler.class"},

		{"ruby", "ruby3.4", "app.handler", files{"app.rb": ""}, ""},
		{"ruby, missing", "ruby3.4", "app.handler", files{"x": ""}, "needs app.rb"},
		{"dotnet", "dotnet8", "Shop::Shop.Orders::Handle", files{"Shop.dll": ""}, ""},
		{"dotnet, missing", "dotnet8", "Shop::Shop.Orders::Handle", files{"x": ""}, "needs Shop.dll"},
		{"a runtime nobody knows", "cobol1", "x", files{"x": ""}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := CheckHandler(tt.runtime, tt.handler, mustOpen(t, folderOf(t, tt.code)).Manifest())
			switch {
			case tt.want != "":
				mentions(t, err, tt.want)
			case err != nil:
				t.Error(err)
			}
		})
	}
}

func TestTheHandlerMayBeInALayer(t *testing.T) {
	code := manifestOf(map[string]string{"app.js": "", "app.py": ""})
	tests := []struct{ name, runtime, handler, file string }{
		{"node", "nodejs22.x", "wrapper.handler", "nodejs/node_modules/wrapper.js"},
		{"node of one version", "nodejs22.x", "wrapper/index.handler", "nodejs/node22/node_modules/wrapper/index.mjs"},
		{"a path in /opt", "nodejs22.x", "/opt/nodejs/wrapper.handler", "nodejs/wrapper.js"},
		{"python", "python3.13", "wrapper.handler", "python/wrapper.py"},
		{"python of one version", "python3.13", "wrapper.main.handler", "python/lib/python3.13/site-packages/wrapper/main.py"},
		{"provided", "provided.al2023", "x", "bootstrap*"},
		{"java", "java21", "example.Handler", "java/lib/app.jar"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			layer := mustOpen(t, folderOf(t, files{tt.file: "x"})).Manifest()
			if err := CheckHandler(tt.runtime, tt.handler, code, layer); err != nil {
				t.Error(err)
			}
			if err := CheckHandler(tt.runtime, tt.handler, code); err == nil {
				t.Error("without the layer it is there too")
			}
		})
	}
}
