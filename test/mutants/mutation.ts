/** One line of the program made wrong as somebody could make it, and the test that must fail then. */
export interface Mutation {
  /** What is wrong then: `a small file is replaced without fsync`. */
  readonly fault: string
  /** The file of src/. */
  readonly file: string
  /** A text that stands in it once, and what takes its place. The result must compile. */
  readonly from: string
  readonly to: string
  /** The test file; quick, beside the code where that can be. */
  readonly test: string
  /** Which of its tests, as `--test-name-pattern` takes it; all without one. */
  readonly only?: string
}
