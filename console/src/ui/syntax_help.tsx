// The search language on one card.
const both: [string, string][] = [
  ["cart timeout", "both words, anywhere in the message"],
  ['"connection refused"', "exactly these words"],
  ["service:edge", "a field: service, level, status, host, env, version, source, trace_id, span_id, duration"],
  ["@http.route:/cart*", "an attribute, with * and ? as wildcards"],
  ["@user.id:*", "has the attribute"],
  ["status:>=500", "numbers: > >= < <=, and ranges"],
  ["status:[400 TO 499]", "both ends included"],
  ["duration:>100", "milliseconds"],
  ["-host:a   NOT debug", "without"],
  ["a OR b   (a OR b) c", "either; parentheses group, AND is implied"],
  ["service:(catalog OR cart)", "one of several values"],
];
const logs: [string, string][] = [["level:>=warn", "levels: trace debug info warn error fatal"]];
const spanRows: [string, string][] = [["name:\"GET /cart\"", "the span's name"], ["kind:client", "server, client, producer, consumer, internal"], ["error:true", "failed spans"]];

export function SyntaxHelp({ spans }: { spans?: boolean }) {
  return (
    <div class="syntax">
      <h2>How to search</h2>
      <table>
        <tbody>
          {[...both, ...(spans ? spanRows : logs)].map(([example, meaning]) => (
            <tr key={example}>
              <td><code>{example}</code></td>
              <td>{meaning}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {spans && <p class="quiet">A trace is found when one of its spans matches.</p>}
    </div>
  );
}
