{
  # nix run 'git+https://git.example/forgekeep?dir=host/packaging/nix' -- demo
  description = "Complete, restorable copies of everything a team has on its source-code hosters";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      each = make: nixpkgs.lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});
    in
    {
      packages = each (pkgs: rec {
        default = forgekeep;
        forgekeep = pkgs.rustPlatform.buildRustPackage {
          pname = "forgekeep";
          version = (builtins.fromTOML (builtins.readFile ../../../Cargo.toml)).workspace.package.version;
          src = ../../..;
          cargoLock.lockFile = ../../../Cargo.lock;
          env = pkgs.lib.optionalAttrs (self ? rev) { FORGEKEEP_COMMIT = self.rev; };
          cargoBuildFlags = [ "--workspace" "--lib" "--bins" ];
          # The tests need git over http and a network of their own; CI runs them.
          doCheck = false;
          # Plugins are found beside the program, in ../lib/forgekeep/plugins: no path of the store is built in.
          installPhase = ''
            runHook preInstall
            patchShebangs host/packaging/stage
            host/packaging/stage "target/${pkgs.stdenv.hostPlatform.rust.rustcTarget}/release" "$out" ""
            runHook postInstall
          '';
          meta = {
            license = with pkgs.lib.licenses; [ mit asl20 ];
            mainProgram = "forgekeep";
          };
        };
      });
    };
}
