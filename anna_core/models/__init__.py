"""Models: their form on disk, what members say about rows, and what nets, trees and the blend have in common."""
