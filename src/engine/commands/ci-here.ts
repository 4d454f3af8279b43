/** CI systems by the files that configure them. */
const systems: readonly (readonly [string, RegExp])[] = [
  ["GitHub Actions", /^\.github\/workflows\/[^/]+\.ya?ml$/],
  ["GitLab CI", /^\.gitlab-ci\.ya?ml$/],
  ["CircleCI", /^\.circleci\/config\.ya?ml$/],
  ["Jenkins", /^Jenkinsfile$/],
  ["Azure Pipelines", /^\.?azure-pipelines\.ya?ml$/],
  ["Travis CI", /^\.travis\.ya?ml$/],
  ["Bitbucket Pipelines", /^bitbucket-pipelines\.ya?ml$/],
  ["Buildkite", /^\.buildkite\/[^/]+\.ya?ml$/],
  ["Drone", /^\.drone\.ya?ml$/],
  ["Woodpecker", /^\.woodpecker(\.ya?ml$|\/)/],
  ["AppVeyor", /^\.?appveyor\.ya?ml$/],
]

/** The CI systems that a project's tracked files configure. */
export function ciOf(paths: readonly string[]): string[] {
  return systems.filter(([, file]) => paths.some((path) => file.test(path))).map(([name]) => name)
}
