// The report of the suite, on files as the runtimes write them and on runs that went wrong in every way.

import { assertEquals } from "@std/assert";
import { formatTally, parseJunit, reportRuns, tallyRuns, type TestRun } from "../../tools/test_report.ts";
import { test } from "../support/test.ts";

const fromDeno = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="4" failures="1" errors="0" time="0.109">
    <testsuite name="./tests/a_test.ts" tests="4" disabled="1" errors="0" failures="1">
        <testcase name="reads &lt;a&gt; &amp; &quot;b&quot;" classname="./tests/a_test.ts" time="0.000" line="32" col="10">
        </testcase>
        <testcase name="fails" classname="./tests/a_test.ts" time="0.001" line="32" col="10">
            <failure message="Uncaught Error: &lt;skipped/&gt;">Error: testcase
    at file:///a_test.ts:3:29</failure>
        </testcase>
        <testcase name="needs more (skipped: no mosquitto here)" classname="./tests/a_test.ts" time="0.000">
            <skipped/>
        </testcase>
        <testcase name="after a crash" classname="./tests/a_test.ts" line="32" col="10">
            <skipped/>
        </testcase>
    </testsuite>
</testsuites>`;

const fromBun = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="3" assertions="0" failures="1" skipped="1" time="0.043105613">
  <testsuite name="tests/a_test.ts" file="tests/a_test.ts" tests="3" failures="1" skipped="1" hostname="vm">
    <testcase name="passes &#10;&#x26; so on" classname="" time="0.000009" file="tests/a_test.ts" line="34" />
    <testcase name="fails" classname="" time="0.000125" file="tests/a_test.ts" line="34" assertions="0">
      <failure type="Error" message="boom">Error: boom&#10;</failure>
    </testcase>
    <testcase name="needs more (skipped: no mosquitto here)" classname="" time="0" file="tests/a_test.ts">
      <skipped />
    </testcase>
  </testsuite>
</testsuites>`;

const fromNode = `<?xml version="1.0" encoding="utf-8"?>
<testsuites>
	<testcase name="reads &lt;a> &amp; &amp;quot;b&amp;quot;" time="0.034064" classname="test" file="/tests/support/test.ts"/>
	<testcase name="fails" time="0.003419" classname="test" file="/tests/support/test.ts" failure="1 > 2">
		<failure type="testCodeFailure" message="1 > 2">
[Error [ERR_TEST_FAILURE]: 1 &lt;skipped/> 2] {
  code: 'ERR_TEST_FAILURE'
}
		</failure>
	</testcase>
	<testcase name="needs more (skipped: no mosquitto here)" time="0.000100" classname="test">
		<skipped type="skipped" message="true"/>
	</testcase>
	<!-- tests 3 -->
</testsuites>`;

test("parseJunit() reads what deno test writes", () => {
  assertEquals(parseJunit(fromDeno), [
    { name: 'reads <a> & "b"', outcome: "passed" },
    { name: "fails", outcome: "failed" },
    { name: "needs more (skipped: no mosquitto here)", outcome: "skipped" },
    { name: "after a crash", outcome: "skipped" },
  ]);
});

test("parseJunit() reads what bun test writes", () => {
  assertEquals(parseJunit(fromBun), [
    { name: "passes \n& so on", outcome: "passed" },
    { name: "fails", outcome: "failed" },
    { name: "needs more (skipped: no mosquitto here)", outcome: "skipped" },
  ]);
});

test("parseJunit() reads what node --test writes", () => {
  assertEquals(parseJunit(fromNode), [
    { name: 'reads <a> & "b"', outcome: "passed" },
    { name: "fails", outcome: "failed" },
    { name: "needs more (skipped: no mosquitto here)", outcome: "skipped" },
  ]);
});

test("tallyRuns() adds the runtimes and counts a skip without a reason as a failure", () => {
  const runs = [{ runtime: "Deno", outcomes: parseJunit(fromDeno) }, { runtime: "Bun", outcomes: parseJunit(fromBun) }];
  assertEquals(tallyRuns(runs), { passed: 2, failed: 3, skipped: 2 });
});

test("tallyRuns() counts a run without a test as a failure", () => {
  assertEquals(tallyRuns([{ runtime: "Bun", outcomes: [] }]), { passed: 0, failed: 1, skipped: 0 });
});

test("tallyRuns() counts trouble outside the tests as one failure", () => {
  const passed = { name: "a", outcome: "passed" } as const;
  assertEquals(tallyRuns([{ runtime: "Bun", outcomes: [passed], trouble: "ended with code 1" }]), {
    passed: 1,
    failed: 1,
    skipped: 0,
  });
  assertEquals(tallyRuns([{ runtime: "Bun", outcomes: [], trouble: "is missing" }]).failed, 1);
});

test("reportRuns() names what failed and what was skipped, with the reason", () => {
  const run: TestRun = { runtime: "Deno", outcomes: parseJunit(fromDeno), trouble: "ended with code 1" };
  assertEquals(reportRuns([run]), [
    "Deno: 1 passed, 3 failed, 1 skipped",
    "  FAILED  ended with code 1",
    "  FAILED  fails",
    "  FAILED  after a crash (left out without a reason)",
    "  skipped  needs more (skipped: no mosquitto here)",
  ]);
});

test("formatTally() leaves out the skipped ones if there are none", () => {
  assertEquals(formatTally({ passed: 3, failed: 0, skipped: 0 }), "3 passed, 0 failed");
  assertEquals(formatTally({ passed: 3, failed: 1, skipped: 2 }), "3 passed, 1 failed, 2 skipped");
});
