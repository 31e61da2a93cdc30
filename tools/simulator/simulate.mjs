// Reads a JSON list of simulations from standard input and writes one answer for each: allowed or refused, the Sids of the
// statements that deny, and what could not be judged. An action that the simulator does not know, or a context key that it
// passes over, is an error: the answer would be about another request.
import { anonymousPrincipal, runSimulation } from '@cloud-copilot/iam-simulate'
import { readFileSync } from 'node:fs'

const denying = (analysis) => (analysis?.denyStatements ?? []).map((one) => one.explain.identifier)

async function answer(simulation) {
  const request = { ...simulation.request, principal: simulation.request.principal ?? anonymousPrincipal }
  const found = await runSimulation({ ...simulation, request }, {})
  if (found.resultType !== 'single') return { error: JSON.stringify(found.errors ?? found.resultType) }
  const { result } = found
  if (result.ignoredContextKeys?.length) return { error: `passed over ${result.ignoredContextKeys.join(', ')}` }
  const by = [...denying(result.analysis?.resourceAnalysis), ...denying(result.analysis?.identityAnalysis)]
  return { allowed: found.overallResult === 'Allowed', by }
}

const simulations = JSON.parse(readFileSync(0, 'utf8'))
process.stdout.write(JSON.stringify(await Promise.all(simulations.map(answer))))
