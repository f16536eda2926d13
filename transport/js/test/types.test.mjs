import { test } from 'node:test';
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const sample = fileURLToPath(new URL('./types/sample.ts', import.meta.url));

for (const [name, moduleResolution] of Object.entries({
  node: ts.ModuleResolutionKind.Node16, bundler: ts.ModuleResolutionKind.Bundler,
}))
  test(`the declarations fit their use (${name})`, () => {
    const module = name === 'node' ? ts.ModuleKind.Node16 : ts.ModuleKind.ESNext;
    const options = {
      strict: true,
      noEmit: true,
      module,
      moduleResolution,
      target: ts.ScriptTarget.ES2022,
      types: [],
    };
    const diagnostics = ts.getPreEmitDiagnostics(ts.createProgram([sample], options));
    const complaints = diagnostics.map(
      (d) =>
        `${d.file?.fileName}:${d.start}: ${ts.flattenDiagnosticMessageText(d.messageText, ' ')}`,
    );
    assert.deepEqual(complaints, []);
  });

test('every export is declared', async () => {
  const program = ts.createProgram(
    [fileURLToPath(new URL('../types/index.d.ts', import.meta.url))],
    {},
  );
  const checker = program.getTypeChecker();
  const [file] = program.getRootFileNames().map((name) => program.getSourceFile(name));
  const meant = (symbol) =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const declared = checker
    .getExportsOfModule(checker.getSymbolAtLocation(file))
    .filter((s) => meant(s).flags & ts.SymbolFlags.Value);
  assert.deepEqual(
    declared.map((s) => s.name).sort(),
    Object.keys(await import('../src/index.js')).sort(),
  );
});
