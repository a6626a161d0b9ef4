"""The real parts on this machine: started, watched, killed, ended. Demo, simulation and tests share it."""
