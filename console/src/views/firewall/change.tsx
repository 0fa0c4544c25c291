// A change of the firewall before it is in force: the declaration's lines, and the server's plan.  Nothing is applied that was not
// planned from the same text.
import { useEffect, useRef, useState } from "preact/hooks";
import { api, ApiError } from "../../api/client";
import type { Plan, WafExclusion } from "../../api/types";
import { changedLines } from "../../lib/firewall";
import { Icon } from "../../ui/icons";
import { ErrorNote } from "../../ui/states";
import type { Wanted } from "./index";

interface Planned {
  text: string;
  base: string;
  before: string;
  plan: Plan;
}

const asError = (error: unknown) => (error instanceof ApiError ? error : new ApiError(0, "console", String(error)));

function Exclusion({ value, onChange, number }: { value: WafExclusion; onChange: (next: WafExclusion) => void; number: number }) {
  const field = (key: "rules" | "path" | "reason", label: string, hint: string) => (
    <label>
      <span>{label}</span>
      <input class="input" value={value[key]} placeholder={hint} data-testid={`exclusion-${key}`} onInput={(event) => onChange({ ...value, [key]: event.currentTarget.value })} />
    </label>
  );
  return (
    <fieldset class="waf-exclusion" data-testid="exclusion-form">
      <legend>Exclusion {number}</legend>
      {field("rules", "Rules", "942100, 920300-920399, tag:attack-sqli")}
      <label>
        <span>Not looking at</span>
        <input class="input" value={value.targets.join(", ")} placeholder="everything: the rules do not run at all" data-testid="exclusion-targets" onInput={(event) => onChange({ ...value, targets: event.currentTarget.value.split(",").map((t) => t.trim()).filter(Boolean) })} />
      </label>
      {field("path", "Path", "every path")}
      {field("reason", "Reason", "for whoever asks in a year")}
    </fieldset>
  );
}

function Planned({ planned }: { planned: Planned }) {
  return (
    <>
      <h3>The declaration</h3>
      <pre class="waf-diff" data-testid="change-diff" tabIndex={0} aria-label="lines of the declaration that change">
        {changedLines(planned.before, planned.text).map((line, i) => <div key={i} class={line.sign === "+" ? "diff-new" : line.sign === "-" ? "diff-old" : ""}>{line.sign} {line.text}</div>)}
      </pre>
      <h3>The plan</h3>
      {planned.plan.changes.length === 0 && <p class="quiet">Nothing changes: this is in force already.</p>}
      <ul class="plain-list" data-testid="change-plan">
        {planned.plan.changes.map((change) => <li key={change.path}>{change.action} <code>{change.path}</code>{change.action === "change" && <> from <code>{change.from}</code> to <code>{change.to}</code></>}{change.effect && <span class="quiet">: {change.effect}</span>}</li>)}
      </ul>
    </>
  );
}

export function ChangeDialog({ wanted, onClose }: { wanted: Wanted; onClose: (applied: boolean) => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [edit, setEdit] = useState(wanted.edit);
  const [planned, setPlanned] = useState<Planned | undefined>();
  const [applied, setApplied] = useState<Plan | undefined>();
  const [error, setError] = useState<ApiError | undefined>();
  const [busy, setBusy] = useState(false);
  const forms = edit.exclusions ?? [];

  const act = async (what: () => Promise<void>) => {
    setBusy(true);
    setError(undefined);
    try {
      await what();
    } catch (problem) {
      setError(asError(problem));
    }
    setBusy(false);
  };
  const makePlan = () =>
    act(async () => {
      const before = await api.declaration();
      const after = await api.editFirewall(edit, before.hash);
      setPlanned({ text: after.text, base: after.base, before: before.text, plan: await api.plan(after.text, after.base) });
    });
  const apply = () =>
    act(async () => {
      if (planned) setApplied(await api.apply(planned.text, planned.base));
    });

  useEffect(() => {
    dialog.current?.showModal();
    // A switch needs no form: its plan is what there is to see.
    if (forms.length === 0) void makePlan();
  }, []);
  const changeForm = (index: number, next: WafExclusion) => {
    setPlanned(undefined);
    setEdit({ ...edit, exclusions: forms.map((one, i) => (i === index ? next : one)) });
  };
  return (
    <dialog ref={dialog} class="dialog waf-dialog" aria-label={wanted.title} data-testid="change-dialog" onClose={() => onClose(applied !== undefined)}>
      <div class="dialog-body">
        <header>
          <h2>{wanted.title}</h2>
          <button type="button" class="button button-icon button-bare" aria-label="close" onClick={() => dialog.current?.close()}><Icon name="close" /></button>
        </header>
        <p class="quiet">{edit.host ? <>For <code>{edit.host}{edit.route ? ` ${edit.route}` : ""}</code></> : "For all places"}</p>
        {!applied && forms.map((one, i) => <Exclusion key={i} number={i + 1} value={one} onChange={(next) => changeForm(i, next)} />)}
        {!applied && planned && <Planned planned={planned} />}
        {error && <ErrorNote error={error} compact />}
        {applied && (
          <p role="status" data-testid="change-applied">
            <span class="ok"><Icon name="check" />In force.</span> {applied.file === "differs" ? "The declaration's file was changed by somebody and is left as it is: put the lines into it, else the next start goes without them." : "The declaration's file is written too."}
          </p>
        )}
        <div class="toolbar waf-actions">
          {!applied && forms.length > 0 && <button type="button" class={`button${planned ? "" : " button-primary"}`} disabled={busy} data-testid="change-show-plan" onClick={() => void makePlan()}>Show the plan</button>}
          {!applied && planned && planned.plan.changes.length > 0 && <button type="button" class="button button-primary" disabled={busy} data-testid="change-apply" onClick={() => void apply()}>Apply</button>}
          <button type="button" class="button" data-testid="change-close" onClick={() => dialog.current?.close()}>{applied ? "Close" : "Cancel"}</button>
        </div>
      </div>
    </dialog>
  );
}
