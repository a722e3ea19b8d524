# On Linux. For macOS the code provides, and nobody has run it there yet.
class Forgekeep < Formula
  desc "Complete, restorable copies of everything a team has on its source-code hosters"
  homepage "https://git.example/forgekeep"
  url "https://git.example/forgekeep/archive/v0.1.0.tar.gz"
  # Of the archive, once there is a release.
  sha256 "0000000000000000000000000000000000000000000000000000000000000000"
  license any_of: ["MIT", "Apache-2.0"]

  depends_on "rust" => :build
  depends_on :linux

  def install
    system "cargo", "build", "--release", "--workspace", "--lib", "--bins", "--locked"
    # Plugins are found from the program, in ../lib/forgekeep/plugins, also through the link in bin.
    system "host/packaging/stage", "target/release", buildpath/"staged", ""
    prefix.install Dir["staged/*"]
  end

  # `brew services` runs what opt_bin names, which stays when a version goes.
  service do
    run [opt_bin/"forgekeep", "backup", "--progress", "plain"]
    run_type :cron
    cron "17 4 * * *"
  end

  test do
    assert_match "forgekeep #{version}", shell_output("#{bin}/forgekeep --version")
    assert_match "bitbucket", shell_output("#{bin}/forgekeep plugins list")
  end
end
